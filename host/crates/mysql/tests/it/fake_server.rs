//! A server that greets like MySQL, speaks TLS with a certificate of the test's making, and refuses
//! every login: enough to see which certificates are accepted.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Client capability bit: TLS.
const CLIENT_SSL: u32 = 0x800;

/// What the server does after a connection was accepted.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Never says anything.
    Silent,
    /// Greets without offering TLS.
    Plain,
    /// Greets and offers TLS.
    Tls(Arc<rustls::ServerConfig>),
}

/// Starts a server; it ends with the runtime. Gives its port.
pub(crate) async fn start(behaviour: Behaviour) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let behaviour = behaviour.clone();
            // a client that goes away early is what some tests are about
            tokio::spawn(async move { serve(stream, behaviour).await.ok() });
        }
    });
    port
}

/// An authority, and a certificate of a server signed by it.
pub(crate) struct Certificates {
    /// The authority's certificate, PEM.
    pub(crate) ca: String,
    /// The server's certificate, PEM.
    pub(crate) certificate: String,
    /// Its key, PEM.
    pub(crate) key: String,
    /// The server's settings.
    pub(crate) config: Arc<rustls::ServerConfig>,
}

/// Makes an authority and a server's certificate for these names.
pub(crate) fn certificates(names: &[&str]) -> Certificates {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("authority");
    let key = KeyPair::generate().expect("key");
    let names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
    let params = CertificateParams::new(names).expect("parameters");
    let certificate = params.signed_by(&key, &authority).expect("certificate");
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let pem = (certificate.pem(), key.serialize_pem());
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("server settings");
    Certificates {
        ca: authority.pem(),
        certificate: pem.0,
        key: pem.1,
        config: Arc::new(config),
    }
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    match behaviour {
        Behaviour::Silent => {
            stream.read_u8().await?;
        }
        Behaviour::Plain => {
            greet(&mut stream, 0).await?;
            let (sequence, _) = packet(&mut stream).await?;
            refuse(&mut stream, sequence + 1).await?;
        }
        Behaviour::Tls(config) => {
            greet(&mut stream, CLIENT_SSL).await?;
            packet(&mut stream).await?;
            let mut stream = TlsAcceptor::from(config).accept(stream).await?;
            let (sequence, _) = packet(&mut stream).await?;
            refuse(&mut stream, sequence + 1).await?;
        }
    }
    Ok(())
}

/// Protocol::HandshakeV10.
async fn greet(stream: &mut TcpStream, extra: u32) -> std::io::Result<()> {
    // long password, protocol 4.1, transactions, secure connection, plugin authentication
    let capabilities: u32 = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x8_0000 | extra;
    let [c0, c1, c2, c3] = capabilities.to_le_bytes();
    let mut body = vec![10];
    body.extend_from_slice(b"8.0.0-fake\0");
    body.extend_from_slice(&1u32.to_le_bytes());
    body.extend_from_slice(b"12345678\0");
    body.extend_from_slice(&[c0, c1, 45, 2, 0, c2, c3, 21]);
    body.extend_from_slice(&[0; 10]);
    body.extend_from_slice(b"123456789012\0mysql_native_password\0");
    send(stream, 0, &body).await
}

/// ERR packet: access denied.
async fn refuse(stream: &mut (impl AsyncWrite + Unpin), sequence: u8) -> std::io::Result<()> {
    let mut body = vec![0xff];
    body.extend_from_slice(&1045u16.to_le_bytes());
    body.extend_from_slice(b"#28000Access denied");
    send(stream, sequence, &body).await
}

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    sequence: u8,
    body: &[u8],
) -> std::io::Result<()> {
    let length = u32::try_from(body.len()).expect("short").to_le_bytes();
    let mut packet = length[..3].to_vec();
    packet.push(sequence);
    packet.extend_from_slice(body);
    stream.write_all(&packet).await?;
    stream.flush().await
}

async fn packet(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await?;
    let length = usize::from(header[0]) | usize::from(header[1]) << 8;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((header[3], body))
}
