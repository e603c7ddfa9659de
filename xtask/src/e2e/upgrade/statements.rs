//! A proxy before PostgreSQL that counts what a client sends, and holds it at one statement: before it reaches the
//! server, or when the answer is due. Whoever asked for it then kills one side, or lets both go on.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream, lookup_host,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::address::Address;

/// How long a client may take to the statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Types of messages that belong to a statement and do not end it.
const PARTS: &[u8] = b"PBDECHd";

/// Where a client is held, once.
#[derive(Clone, Copy, Debug)]
pub(in crate::e2e) enum Hold {
    /// Before this statement, counted from 1, is passed on.
    Before(u64),
    /// When this statement is passed on; its answer is not.
    After(u64),
    /// Before the first statement with this text is passed on.
    AtText(&'static str),
}

/// The proxy. It takes one connection; both its ends are cut when it is dropped.
pub(in crate::e2e) struct StatementProxy {
    server: Address,
    port: u16,
    held: watch::Receiver<Option<i32>>,
    released: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl StatementProxy {
    pub(in crate::e2e) async fn start(server: &Address, hold: Hold) -> Result<Self> {
        let place = (server.host.as_str(), server.port);
        let upstream = lookup_host(place).await?.next().context("no such server")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (tell, held) = watch::channel(None);
        let (released, wait) = watch::channel(false);
        let line = Line {
            hold,
            held: tell,
            released: wait,
        };
        let task = tokio::spawn(async move {
            // a client that is gone is what this is for
            let _ = serve(&listener, upstream, line).await;
        });
        Ok(StatementProxy {
            server: server.clone(),
            port,
            held,
            released,
            task,
        })
    }

    /// The server through this proxy, unencrypted: what is encrypted cannot be counted.
    pub(in crate::e2e) fn url(&self) -> String {
        let mut through = self.server.clone();
        through.host = "127.0.0.1".into();
        through.port = self.port;
        format!("{}?sslmode=disable", through.url())
    }

    /// Waits until the client is held; the process id of its session.
    pub(in crate::e2e) async fn held(&mut self) -> Result<i32> {
        let held = timeout(STATEMENT_TIMEOUT, self.held.wait_for(Option::is_some));
        match held.await {
            Ok(Ok(pid)) => pid.context("no process id"),
            Ok(Err(_)) => bail!("the client has gone before the statement"),
            Err(_) => bail!("the client has not come to the statement"),
        }
    }

    /// Lets both sides go on.
    pub(in crate::e2e) fn release(&self) {
        self.released.send_replace(true);
    }
}

impl Drop for StatementProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a connection has to know.
struct Line {
    hold: Hold,
    held: watch::Sender<Option<i32>>,
    released: watch::Receiver<bool>,
}

async fn serve(listener: &TcpListener, upstream: SocketAddr, line: Line) -> Result<()> {
    let (client, _) = listener.accept().await?;
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (session, seen) = watch::channel(0);
    let answers = pass_answers(
        from_server,
        to_client,
        session,
        line.held.subscribe(),
        (line.hold, line.released.clone()),
    );
    tokio::select! {
        result = pass_statements(from_client, to_server, line, seen) => result,
        result = answers => result,
    }
}

async fn pass_statements(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: Line,
    session: watch::Receiver<i32>,
) -> Result<()> {
    // the start of a session has no type
    let length = from.read_u32().await?;
    let mut start = vec![0; usize::try_from(length)?.saturating_sub(4)];
    from.read_exact(&mut start).await?;
    to.write_u32(length).await?;
    to.write_all(&start).await?;
    let mut waiting = Vec::new();
    let mut number = 0;
    loop {
        let kind = from.read_u8().await?;
        let length = from.read_u32().await?;
        let begin = waiting.len();
        waiting.push(kind);
        waiting.extend(length.to_be_bytes());
        waiting.resize(begin + 1 + usize::try_from(length)?, 0);
        from.read_exact(&mut waiting[begin + 5..]).await?;
        if PARTS.contains(&kind) {
            continue;
        }
        if kind == b'Q' || kind == b'S' {
            number += 1;
            let has = |text: &str| waiting.windows(text.len()).any(|w| w == text.as_bytes());
            let (holds, passes) = match line.hold {
                Hold::Before(at) => (number == at, false),
                Hold::After(at) => (number == at, true),
                Hold::AtText(text) => (line.held.borrow().is_none() && has(text), false),
            };
            if holds {
                // before the statement is passed on, so that its answer meets a closed door
                let tell = |held: &mut Option<i32>| *held = Some(*session.borrow());
                line.held.send_modify(tell);
                if passes {
                    to.write_all(&waiting).await?;
                    waiting.clear();
                }
                line.released.wait_for(|released| *released).await?;
            }
        }
        to.write_all(&waiting).await?;
        waiting.clear();
    }
}

async fn pass_answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    session: watch::Sender<i32>,
    held: watch::Receiver<Option<i32>>,
    (hold, mut released): (Hold, watch::Receiver<bool>),
) -> Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if let Some(pid) = backend_pid(&buffer[..length]).filter(|_| *session.borrow() == 0) {
            session.send_replace(pid);
        }
        if matches!(hold, Hold::After(_)) && held.borrow().is_some() {
            released.wait_for(|released| *released).await?;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

/// Process id in the message that a server sends once, at the start of a session.
fn backend_pid(answer: &[u8]) -> Option<i32> {
    let at = answer.windows(5).position(|w| w == [b'K', 0, 0, 0, 12])?;
    let pid = answer.get(at + 5..at + 9)?;
    Some(i32::from_be_bytes(pid.try_into().ok()?))
}
