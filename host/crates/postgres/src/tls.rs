//! TLS as libpq's five modes mean it, on rustls with ring.
//!
//! `prefer`, and `require` without an authority, encrypt without checking whom they talk to.
//! `verify-ca` wants a chain to a known authority, `verify-full` the host's name as well. A server
//! certificate that itself stands in the authority file is accepted without a chain, because that
//! is how self-signed server certificates are commonly pinned.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect::{TlsMode, TlsOptions};
use crate::error::PostgresError;

/// The connector, which remembers whether the server agreed to TLS.
#[derive(Clone)]
pub(crate) struct WatchedTls {
    inner: MakeRustlsConnect,
    asked: Arc<AtomicBool>,
}

impl WatchedTls {
    /// Reads the files and sets the checks up.
    pub(crate) fn new(options: &TlsOptions) -> Result<Self, PostgresError> {
        Ok(Self {
            inner: MakeRustlsConnect::new(client_config(options)?),
            asked: Arc::default(),
        })
    }

    /// The server agreed to TLS and the handshake began.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl<S> MakeTlsConnect<S> for WatchedTls
where
    MakeRustlsConnect: MakeTlsConnect<S>,
{
    type Stream = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;
    type TlsConnect = Watched<<MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect>;
    type Error = <MakeRustlsConnect as MakeTlsConnect<S>>::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, Self::Error> {
        Ok(Watched {
            inner: MakeTlsConnect::<S>::make_tls_connect(&mut self.inner, domain)?,
            asked: Arc::clone(&self.asked),
        })
    }
}

/// One handshake to come.
pub(crate) struct Watched<T> {
    inner: T,
    asked: Arc<AtomicBool>,
}

impl<S, T: TlsConnect<S>> TlsConnect<S> for Watched<T> {
    type Stream = T::Stream;
    type Error = T::Error;
    type Future = T::Future;

    fn connect(self, stream: S) -> Self::Future {
        self.asked.store(true, Ordering::Relaxed);
        self.inner.connect(stream)
    }
}

fn client_config(options: &TlsOptions) -> Result<ClientConfig, PostgresError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let broken = |reason: rustls::Error| PostgresError::Handshake {
        target: "server".to_owned(),
        reason: reason.to_string(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .dangerous()
        .with_custom_certificate_verifier(verifier(options, provider)?);
    match (&options.cert, &options.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let chain = certificates(cert)?;
            let private = PrivateKeyDer::from_pem_file(key).map_err(|e| unusable(key, &e))?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|e| unusable(key, &e))
        }
        (Some(path), None) => Err(unusable(path, &"no key is given for the certificate")),
        (None, Some(path)) => Err(unusable(path, &"no certificate is given for the key")),
    }
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> PostgresError {
    PostgresError::TlsFile {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PostgresError> {
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|e| unusable(path, &e))?;
    if found.is_empty() {
        return Err(unusable(path, &"no certificate is in it"));
    }
    Ok(found)
}

/// How much of the server's certificate is checked.
fn verifier(
    options: &TlsOptions,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<Verifier>, PostgresError> {
    let checked = match options.mode {
        TlsMode::Disable | TlsMode::Prefer => false,
        // libpq: with an authority at hand `require` means `verify-ca`
        TlsMode::Require => options.ca.is_some(),
        TlsMode::VerifyCa | TlsMode::VerifyFull => true,
    };
    if !checked {
        return Ok(Arc::new(Verifier {
            chain: None,
            pinned: Vec::new(),
            with_name: false,
            provider,
        }));
    }
    let known = authorities(options.ca.as_deref())?;
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(known.iter().cloned());
    let path = options.ca.as_deref().unwrap_or(Path::new("of the system"));
    if usable == 0 {
        return Err(unusable(path, &"no authority's certificate is in it"));
    }
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|e| unusable(path, &e))?;
    Ok(Arc::new(Verifier {
        chain: Some(chain),
        // the system's authorities are no pins
        pinned: options.ca.as_ref().map(|_| known).unwrap_or_default(),
        with_name: options.mode == TlsMode::VerifyFull,
        provider,
    }))
}

/// The authorities of the file, else the system's.
fn authorities(ca: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, PostgresError> {
    match ca {
        Some(path) => certificates(path),
        None => Ok(rustls_native_certs::load_native_certs().certs),
    }
}

#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    with_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        if self
            .pinned
            .iter()
            .any(|pin| pin.as_ref() == end_entity.as_ref())
        {
            if self.with_name {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let checked =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match checked {
            // the name is checked last, after the chain was found good
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.with_name => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
