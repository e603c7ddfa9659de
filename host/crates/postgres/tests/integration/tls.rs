//! The five modes against a server that only shakes hands: a login that is refused after the
//! handshake shows that the certificate was accepted.

use std::path::PathBuf;
use std::sync::Arc;

use chameleon_diag::Diagnostic;
use chameleon_postgres::{ConnectOptions, TlsMode, TlsOptions, connect};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An authority and a server certificate signed by it, as files and as a listening server.
struct Served {
    folder: tempfile::TempDir,
    port: u16,
}

impl Served {
    async fn start(names: &[&str]) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let server = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority_pem).unwrap();
        std::fs::write(folder.path().join("server.pem"), server.pem()).unwrap();
        let port = listen(server.der().clone(), &key).await;
        Self { folder, port }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.path().join(name))
    }

    /// The code of the error that a connection ends with.
    async fn code(&self, mode: TlsMode, ca: Option<PathBuf>) -> &'static str {
        let mut options = ConnectOptions::new("localhost", "u", "d");
        options.port = self.port;
        options.tls = TlsOptions {
            mode,
            ca,
            ..TlsOptions::default()
        };
        connect(&options).await.unwrap_err().code().as_str()
    }
}

async fn listen(certificate: CertificateDer<'static>, key: &KeyPair) -> u16 {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // SSLRequest is eight bytes, the answer one
                let mut request = [0; 8];
                socket.read_exact(&mut request).await?;
                socket.write_all(b"S").await?;
                let mut stream = acceptor.accept(socket).await?;
                let mut length = [0; 4];
                stream.read_exact(&mut length).await?;
                // ErrorResponse: fields of a letter and a string
                let fields = b"SFATAL\0VFATAL\0C28000\0Mno\0\0";
                let bytes = u32::try_from(fields.len() + 4).unwrap();
                stream.write_all(b"E").await?;
                stream.write_all(&bytes.to_be_bytes()).await?;
                stream.write_all(fields).await?;
                stream.shutdown().await
            });
        }
    });
    port
}

/// The login was refused, so the handshake had succeeded.
const SHAKEN: &str = "TGT002";

#[tokio::test]
async fn each_mode_checks_what_it_says() {
    let served = Served::start(&["localhost"]).await;
    let other = Served::start(&["localhost"]).await;
    let (own, foreign) = (served.file("ca.pem"), other.file("ca.pem"));
    assert_eq!(served.code(TlsMode::Prefer, None).await, SHAKEN);
    assert_eq!(served.code(TlsMode::Require, None).await, SHAKEN);
    for mode in [TlsMode::Require, TlsMode::VerifyCa, TlsMode::VerifyFull] {
        assert_eq!(served.code(mode, own.clone()).await, SHAKEN, "{mode:?}");
        assert_eq!(
            served.code(mode, foreign.clone()).await,
            "TLS001",
            "{mode:?}"
        );
    }
}

#[tokio::test]
async fn only_verify_full_looks_at_the_name() {
    let served = Served::start(&["db.example"]).await;
    let ca = served.file("ca.pem");
    assert_eq!(served.code(TlsMode::VerifyCa, ca.clone()).await, SHAKEN);
    assert_eq!(served.code(TlsMode::VerifyFull, ca).await, "TLS001");
}

#[tokio::test]
async fn a_server_certificate_can_be_pinned() {
    let served = Served::start(&["localhost"]).await;
    let pin = served.file("server.pem");
    assert_eq!(served.code(TlsMode::VerifyCa, pin.clone()).await, SHAKEN);
    assert_eq!(served.code(TlsMode::VerifyFull, pin).await, SHAKEN);
    let misnamed = Served::start(&["db.example"]).await;
    let pin = misnamed.file("server.pem");
    assert_eq!(misnamed.code(TlsMode::VerifyCa, pin.clone()).await, SHAKEN);
    assert_eq!(misnamed.code(TlsMode::VerifyFull, pin).await, "TLS001");
}

#[tokio::test]
async fn files_that_are_none_are_named() {
    let served = Served::start(&["localhost"]).await;
    let absent = served.file("absent.pem");
    assert_eq!(served.code(TlsMode::VerifyCa, absent).await, "TLS003");
    let empty = served.file("empty.pem");
    std::fs::write(empty.as_ref().unwrap(), "no certificate").unwrap();
    assert_eq!(served.code(TlsMode::VerifyCa, empty).await, "TLS003");
}
