//! TLS by rustls with the ring provider, and what its errors mean.
//!
//! The driver verifies both chain and name or neither. For [`TlsMode::VerifyCa`] the chain must be
//! verified whatever name the certificate holds: a first attempt under the host's own name tells
//! which names the certificate presents, the second one goes under the first of them. A certificate
//! that presents no name at all, such as those that MySQL makes for itself, cannot be verified.

use std::path::Path;
use std::sync::Once;

use mysql_async::{ClientIdentity, Error, IoError, SslOpts};
use rustls::CertificateError;

use crate::connect::{TlsMode, TlsOptions};
use crate::error::SourceError;

/// Makes ring the provider of this process, unless the program has chosen one already.
pub(crate) fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // an error means that a provider is installed already, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The driver's TLS settings; `None` without TLS. `name` stands in for the host's own.
pub(crate) fn options(
    tls: &TlsOptions,
    name: Option<String>,
) -> Result<Option<SslOpts>, SourceError> {
    if tls.mode == TlsMode::Disable {
        return Ok(None);
    }
    let mut options = SslOpts::default();
    let verify = matches!(tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
    options = options.with_danger_accept_invalid_certs(!verify);
    if let Some(ca) = &tls.ca {
        readable(ca)?;
        options = options
            .with_root_certs(vec![ca.clone().into()])
            .with_disable_built_in_roots(true);
    }
    if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
        readable(cert)?;
        readable(key)?;
        let identity = ClientIdentity::new(cert.clone().into(), key.clone().into());
        options = options.with_client_identity(Some(identity));
    }
    if let Some(name) = name {
        options = options.with_danger_tls_hostname_override(Some(name));
    }
    Ok(Some(options))
}

fn readable(path: &Path) -> Result<(), SourceError> {
    match std::fs::read(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(SourceError::TlsFile {
            path: path.display().to_string(),
            reason: error.to_string(),
        }),
    }
}

/// The TLS library's error inside a driver's error, if it is one.
fn rustls_error(error: &Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && let Some(found) = io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>())
        {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// A name that the certificate presents, where its name alone was refused.
pub(crate) fn presented_name(error: &Error) -> Option<String> {
    let rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
        presented,
        ..
    }) = rustls_error(error)?
    else {
        return None;
    };
    presented.iter().find_map(|name| plain_name(name))
}

/// Takes the name out of the library's description, `DnsName("*.example.org")`: a wildcard is
/// filled in.
fn plain_name(described: &str) -> Option<String> {
    let inner = described
        .split_once('(')
        .map_or(described, |(_, rest)| rest);
    let name = inner.trim_matches(|c| matches!(c, ')' | '"' | '(' | '\''));
    let plausible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*' | ':' | '_');
    (!name.is_empty() && name.chars().all(plausible)).then(|| name.replace('*', "any"))
}

/// What a driver's error means where TLS is at fault.
pub(crate) fn classify(error: &Error, tls: &TlsOptions, address: &str) -> Option<SourceError> {
    let address = address.to_owned();
    let path = |path: &Option<std::path::PathBuf>| {
        let path = path.as_ref().or(tls.ca.as_ref());
        path.map(|p| p.display().to_string()).unwrap_or_default()
    };
    match error {
        Error::Driver(mysql_async::DriverError::NoClientSslFlagFromServer) => {
            return Some(SourceError::NoTls { address });
        }
        Error::Driver(mysql_async::DriverError::NoKeyFound) => {
            return Some(SourceError::TlsFile {
                path: path(&tls.key),
                reason: "no private key in it".to_owned(),
            });
        }
        Error::Io(IoError::Tls(mysql_async::TlsError::Pem(reason))) => {
            return Some(SourceError::TlsFile {
                path: path(&tls.cert),
                reason: reason.to_string(),
            });
        }
        Error::Io(IoError::Tls(mysql_async::TlsError::VerifierBuilderError(reason))) => {
            return Some(SourceError::TlsFile {
                path: path(&None),
                reason: reason.to_string(),
            });
        }
        _ => {}
    }
    match rustls_error(error)? {
        rustls::Error::InvalidCertificate(reason) => Some(SourceError::Certificate {
            address,
            reason: reason.to_string(),
        }),
        reason => Some(SourceError::TlsHandshake {
            address,
            reason: reason.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presented_name_is_taken_out_of_its_description() {
        let check = |described: &str, expect: Option<&str>| {
            assert_eq!(plain_name(described).as_deref(), expect, "{described}");
        };
        check("DnsName(\"db.example.org\")", Some("db.example.org"));
        check("DnsName(\"*.example.org\")", Some("any.example.org"));
        check("IpAddress(127.0.0.1)", Some("127.0.0.1"));
        check("plain", Some("plain"));
        check("DirectoryName", Some("DirectoryName"));
        check("DnsName(\"\")", None);
    }

    #[test]
    fn a_missing_file_is_named() {
        let tls = TlsOptions {
            mode: TlsMode::VerifyFull,
            ca: Some("/nowhere/ca.pem".into()),
            ..TlsOptions::default()
        };
        let error = options(&tls, None).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}
