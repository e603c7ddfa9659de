//! Which machine this is, and which of its processes live.

use std::path::Path;

/// Empty where the system does not tell, as it does not tell then which processes live.
pub(crate) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.unwrap_or_default().trim().replace(' ', "_")
}

/// A process of that number, of the machine of that name, has ended. False where nobody can tell.
pub(crate) fn is_gone(host: &str, pid: &str) -> bool {
    !host.is_empty() && host == host_name() && !Path::new("/proc").join(pid).exists()
}
