//! What the generated bindings need at run time: memory for what the host passes in, and the constructors.

/// Flags of the interface.
pub mod bitflags {
    pub use crate::__transform_flags as bitflags;
}

/// The part of the `bitflags` notation that the bindings use.
#[doc(hidden)]
#[macro_export]
macro_rules! __transform_flags {
    (
        $(#[$outer:meta])*
        pub struct $name:ident: $repr:ty {
            $($(#[$inner:meta])* const $flag:ident = $value:expr;)*
        }
    ) => {
        $(#[$outer])*
        pub struct $name($repr);

        impl $name {
            $($(#[$inner])* pub const $flag: Self = Self($value);)*

            pub const fn empty() -> Self {
                Self(0)
            }

            pub const fn bits(&self) -> $repr {
                self.0
            }

            pub const fn from_bits_retain(bits: $repr) -> Self {
                Self(bits)
            }

            pub const fn contains(&self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

/// Memory of a value on its way to the host, freed unless it is forgotten.
pub struct Cleanup {
    pointer: std::ptr::NonNull<u8>,
    layout: std::alloc::Layout,
}

#[allow(
    unsafe_code,
    clippy::new_ret_no_self,
    reason = "the generated bindings ask for this shape"
)]
impl Cleanup {
    /// Memory of this layout; none is needed for nothing.
    pub fn new(layout: std::alloc::Layout) -> (*mut u8, Option<Cleanup>) {
        if layout.size() == 0 {
            return (std::ptr::null_mut(), None);
        }
        let pointer = unsafe { std::alloc::alloc(layout) };
        match std::ptr::NonNull::new(pointer) {
            Some(kept) => {
                let cleanup = Cleanup {
                    pointer: kept,
                    layout,
                };
                (pointer, Some(cleanup))
            }
            None => std::alloc::handle_alloc_error(layout),
        }
    }

    /// The host frees it after it has read it.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

#[allow(unsafe_code, reason = "the memory comes from `new`, with this layout")]
impl Drop for Cleanup {
    fn drop(&mut self) {
        unsafe { std::alloc::dealloc(self.pointer.as_ptr(), self.layout) }
    }
}

/// A module of this kind has no constructors of its own to run.
pub fn run_ctors_once() {}

/// Referenced by the bindings, so that the linker keeps `cabi_realloc`.
pub fn maybe_link_cabi_realloc() {
    #[cfg(target_arch = "wasm32")]
    {
        static KEEP: unsafe extern "C" fn(*mut u8, usize, usize, usize) -> *mut u8 =
            memory::cabi_realloc;
        std::hint::black_box(&KEEP);
    }
}

#[cfg(target_arch = "wasm32")]
mod memory {
    use std::alloc::{Layout, alloc, handle_alloc_error, realloc};

    /// Memory for values that the host passes in, as the canonical ABI asks for it: `align` is a power of two, and a
    /// block that was never allocated has the length 0.
    #[allow(
        unsafe_code,
        reason = "the allocation function of the component model's canonical ABI"
    )]
    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn cabi_realloc(
        old: *mut u8,
        old_length: usize,
        align: usize,
        new_length: usize,
    ) -> *mut u8 {
        unsafe {
            let pointer = if old_length == 0 {
                if new_length == 0 {
                    return std::ptr::without_provenance_mut(align);
                }
                alloc(Layout::from_size_align_unchecked(new_length, align))
            } else {
                realloc(
                    old,
                    Layout::from_size_align_unchecked(old_length, align),
                    new_length,
                )
            };
            if pointer.is_null() {
                handle_alloc_error(Layout::from_size_align_unchecked(new_length, align));
            }
            pointer
        }
    }
}
