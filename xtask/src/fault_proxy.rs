//! A TCP proxy that does to connections what networks do: delays, stalls, cuts, cuts inside a packet, refusals,
//! thin lines. It runs inside the tests, listens on a port of its own and can be told at any time.
//!
//! A connection that the proxy drops is reset, as when a peer dies, not closed in good order.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// How much is passed on at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// What is done to connections at the moment. The default: nothing, everything passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Added to every piece, each way.
    pub(crate) latency: Duration,
    /// Connections stay open and nothing passes.
    pub(crate) stall: bool,
    /// New connections are reset at once.
    pub(crate) refuse: bool,
    /// A connection is cut in the middle of a piece when more than this has passed one way.
    pub(crate) cut_after_bytes: Option<u64>,
    /// The speed of each way of each connection.
    pub(crate) bytes_per_second: Option<u64>,
    /// Connections that were open when this changed are cut.
    cuts: u64,
    /// New connections go there instead.
    elsewhere: Option<SocketAddr>,
}

/// A running proxy; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct FaultProxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    listener: JoinHandle<()>,
}

impl FaultProxy {
    /// Listens on a free port of this machine and passes everything on to `upstream`.
    pub(crate) async fn start(upstream: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no port for the fault proxy")?;
        let address = listener.local_addr()?;
        let (faults, told) = watch::channel(Faults::default());
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, upstream, told.clone()));
            }
        });
        Ok(FaultProxy {
            address,
            faults,
            listener,
        })
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what is done to connections, open ones included.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    /// Cuts all open connections.
    pub(crate) fn cut(&self) {
        self.set(|faults| faults.cuts += 1);
    }

    /// From now on new connections go to another server, as behind a name that was moved. Open ones stay.
    pub(crate) fn lead_to(&self, upstream: SocketAddr) {
        self.set(|faults| faults.elsewhere = Some(upstream));
    }

    /// From now on everything passes. Connections that were cut stay cut.
    pub(crate) fn heal(&self) {
        self.set(|faults| {
            *faults = Faults {
                cuts: faults.cuts,
                elsewhere: faults.elsewhere,
                ..Faults::default()
            }
        });
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

async fn carry(client: TcpStream, upstream: SocketAddr, mut told: watch::Receiver<Faults>) {
    // Lingering for zero seconds makes a drop a reset.
    let _ = client.set_zero_linger();
    if told.borrow().refuse {
        return;
    }
    let upstream = told.borrow().elsewhere.unwrap_or(upstream);
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let cuts = told.borrow_and_update().cuts;
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    tokio::select! {
        () = pump(client_in, server_out, told.clone()) => {}
        () = pump(server_in, client_out, told.clone()) => {}
        _ = told.wait_for(|faults| faults.cuts != cuts) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut told: watch::Receiver<Faults>) {
    let mut piece = vec![0; PIECE_BYTES];
    let mut passed = 0;
    while let Ok(length) = from.read(&mut piece).await {
        if length == 0 {
            return;
        }
        if told.wait_for(|faults| !faults.stall).await.is_err() {
            return;
        }
        let faults = told.borrow().clone();
        if let Some(speed) = faults.bytes_per_second {
            tokio::time::sleep(Duration::from_secs_f64(length as f64 / speed as f64)).await;
        }
        if !faults.latency.is_zero() {
            tokio::time::sleep(faults.latency).await;
        }
        passed += length as u64;
        if faults.cut_after_bytes.is_some_and(|limit| passed > limit) {
            let _ = to.write_all(&piece[..length / 2]).await;
            return;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    /// A server that sends back what it gets.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address");
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = peer.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn say(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
        stream.write_all(text).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn what_is_said_passes_and_latency_delays_it() {
        let proxy = FaultProxy::start(echo().await).await.expect("proxy");
        let mut stream = TcpStream::connect(proxy.address()).await.expect("connect");
        assert_eq!(say(&mut stream, b"hello").await.expect("echo"), b"hello");
        proxy.set(|faults| faults.latency = Duration::from_millis(50));
        let begun = Instant::now();
        say(&mut stream, b"slow").await.expect("echo");
        assert!(begun.elapsed() >= Duration::from_millis(100));
    }

    #[tokio::test]
    async fn a_stalled_connection_goes_on_when_it_is_healed() {
        let proxy = FaultProxy::start(echo().await).await.expect("proxy");
        let mut stream = TcpStream::connect(proxy.address()).await.expect("connect");
        proxy.set(|faults| faults.stall = true);
        stream.write_all(b"x").await.expect("write");
        let mut answer = [0; 1];
        assert!(timeout(SOON, stream.read_exact(&mut answer)).await.is_err());
        proxy.heal();
        timeout(Duration::from_secs(5), stream.read_exact(&mut answer))
            .await
            .expect("in time")
            .expect("echo");
    }

    #[tokio::test]
    async fn cut_and_refused_connections_end_and_new_ones_work_when_healed() {
        let proxy = FaultProxy::start(echo().await).await.expect("proxy");
        let mut stream = TcpStream::connect(proxy.address()).await.expect("connect");
        say(&mut stream, b"x").await.expect("echo");
        proxy.cut();
        assert!(say(&mut stream, b"x").await.is_err());
        proxy.set(|faults| faults.refuse = true);
        let mut refused = TcpStream::connect(proxy.address()).await.expect("connect");
        assert!(say(&mut refused, b"x").await.is_err());
        proxy.heal();
        let mut healed = TcpStream::connect(proxy.address()).await.expect("connect");
        assert_eq!(say(&mut healed, b"x").await.expect("echo"), b"x");
    }

    #[tokio::test]
    async fn a_connection_is_cut_inside_a_piece() {
        let proxy = FaultProxy::start(echo().await).await.expect("proxy");
        proxy.set(|faults| faults.cut_after_bytes = Some(10));
        let mut stream = TcpStream::connect(proxy.address()).await.expect("connect");
        assert!(say(&mut stream, &[7; 100]).await.is_err());
    }
}
