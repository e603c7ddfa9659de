//! A server between client and PostgreSQL that counts the client's statements, and does what a test
//! asks for at one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chameleon_postgres::{ConnectOptions, TlsMode, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens at a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing; statements are counted.
    Nothing,
    /// The client dies before it has sent the statement.
    ClientDies,
    /// The client dies when it has sent the statement: the answer is lost.
    AnswerLost,
    /// The server's backend is ended before the statement reaches it.
    BackendDies,
}

/// The proxy for one connection.
pub(crate) struct Proxy {
    pub(crate) options: ConnectOptions,
    statements: Arc<AtomicU64>,
    cut: Arc<Notify>,
}

impl Proxy {
    /// Takes one connection and lets the fault happen at the statement with that number, from 1.
    pub(crate) async fn start(server: &ConnectOptions, at: u64, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = server.clone();
        options.port = listener.local_addr().unwrap().port();
        options.host = "127.0.0.1".into();
        // what is encrypted cannot be counted
        options.tls.mode = TlsMode::Disable;
        let (statements, cut) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let (counted, done, server) = (statements.clone(), cut.clone(), server.clone());
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            let address = (server.host.as_str(), server.port);
            let upstream = TcpStream::connect(address).await.unwrap();
            pass(client, upstream, &server, &counted, at, fault).await;
            done.notify_one();
        });
        Self {
            options,
            statements,
            cut,
        }
    }

    /// Statements that the client has sent.
    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::SeqCst)
    }

    /// Waits until the connection is cut or ended.
    pub(crate) async fn ended(&self) {
        self.cut.notified().await;
    }
}

async fn pass(
    client: TcpStream,
    upstream: TcpStream,
    server: &ConnectOptions,
    counted: &AtomicU64,
    at: u64,
    fault: Fault,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = upstream.into_split();
    let backend = Arc::new(AtomicU64::new(0));
    let seen = backend.clone();
    let answers = tokio::spawn(async move {
        let mut first = true;
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let answer = &buffer[..length];
            if let Some(pid) = backend_pid(answer).filter(|_| first) {
                seen.store(u64::from(pid), Ordering::SeqCst);
                first = false;
            }
            if to_client.write_all(answer).await.is_err() {
                break;
            }
        }
    });
    // the start of the session has no type byte
    let mut length = [0; 4];
    if from_client.read_exact(&mut length).await.is_err() {
        return;
    }
    let mut start = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    from_client.read_exact(&mut start).await.unwrap();
    to_server
        .write_all(&[length.as_slice(), &start].concat())
        .await
        .unwrap();
    let mut waiting = Vec::new();
    loop {
        let mut head = [0; 5];
        if from_client.read_exact(&mut head).await.is_err() {
            break;
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        from_client.read_exact(&mut body).await.unwrap();
        waiting.extend_from_slice(&head);
        waiting.extend_from_slice(&body);
        // a statement ends with Query or Sync; what belongs to the login passes as it comes
        if matches!(head[0], b'P' | b'B' | b'D' | b'E' | b'C' | b'H') {
            continue;
        }
        let is_statement = matches!(head[0], b'Q' | b'S');
        let number = counted.fetch_add(u64::from(is_statement), Ordering::SeqCst) + 1;
        let happens = is_statement && number == at;
        match fault {
            Fault::ClientDies if happens => break,
            Fault::BackendDies if happens => {
                end_backend(server, backend.load(Ordering::SeqCst)).await;
            }
            Fault::AnswerLost if happens => {
                answers.abort();
                let _ = to_server.write_all(&waiting).await;
                break;
            }
            _ => {}
        }
        if to_server.write_all(&waiting).await.is_err() {
            break;
        }
        waiting.clear();
    }
    answers.abort();
}

/// Process id in a BackendKeyData message, which the server sends once, at the start.
fn backend_pid(answer: &[u8]) -> Option<u32> {
    let at = answer.windows(5).position(|w| w == [b'K', 0, 0, 0, 12])?;
    let pid = answer.get(at + 5..at + 9)?;
    Some(u32::from_be_bytes(pid.try_into().ok()?))
}

async fn end_backend(server: &ConnectOptions, pid: u64) {
    let admin = connect(server).await.unwrap();
    let sql = format!("select pg_terminate_backend({pid}, 10000)");
    admin.batch_execute(&sql).await.unwrap();
}
