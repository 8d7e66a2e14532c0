//! One accepted connection as bytes: plain or TLS, with a deadline on a peer that stops reading
//! and the permits that count the connection.
//!
//! Deliberately absent: HTTP and WebSocket, which are spoken over it.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Sleep, sleep},
};
use tokio_rustls::server::TlsStream;

use crate::http::gate::Permit;

/// Where connections come from: the system, or a network that a simulation makes.
pub trait Accept: Send + Sync + 'static {
    /// Waits for a connection and says whose it is. Cancel safe.
    ///
    /// # Errors
    /// The connection's, or the listener's when it cannot give any now.
    fn accept(&self) -> impl Future<Output = io::Result<(Connection, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&self) -> io::Result<(Connection, SocketAddr)> {
        let (socket, addr) = Self::accept(self).await?;
        Ok((Connection::Tcp(socket), addr))
    }
}

/// A connection as it was accepted.
#[derive(Debug)]
pub enum Connection {
    /// One of the system's.
    Tcp(TcpStream),
    /// One of another network; TLS is never spoken over it.
    Other(Box<dyn Duplex>),
}

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Duplex for T {}

/// The one transport type of the hub. An upgraded request gets it back whole, so that a WebSocket
/// stands directly on the socket and goes on counting against the limits until it is dropped.
#[derive(Debug)]
pub(crate) struct Stream {
    transport: Transport,
    stall: Stall,
    _permit: Permit,
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Other(Box<dyn Duplex>),
}

impl Stream {
    /// A plain connection; a write that makes no progress for `stall_timeout` fails with
    /// [`io::ErrorKind::TimedOut`].
    pub(crate) fn plain(socket: Connection, stall_timeout: Duration, permit: Permit) -> Self {
        Self {
            transport: match socket {
                Connection::Tcp(socket) => Transport::Plain(socket),
                Connection::Other(duplex) => Transport::Other(duplex),
            },
            stall: Stall::new(stall_timeout),
            _permit: permit,
        }
    }

    /// As [`Stream::plain`], after the TLS handshake.
    pub(crate) fn tls(
        session: TlsStream<TcpStream>,
        stall_timeout: Duration,
        permit: Permit,
    ) -> Self {
        Self {
            transport: Transport::Tls(Box::new(session)),
            stall: Stall::new(stall_timeout),
            _permit: permit,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Transport::Tls(session) => Pin::new(session).poll_read(cx, buf),
            Transport::Other(duplex) => Pin::new(duplex).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Transport::Tls(session) => Pin::new(session).poll_write(cx, bytes),
            Transport::Other(duplex) => Pin::new(duplex).poll_write(cx, bytes),
        };
        self.stall.watch(cx, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Transport::Tls(session) => Pin::new(session).poll_write_vectored(cx, slices),
            Transport::Other(duplex) => Pin::new(duplex).poll_write_vectored(cx, slices),
        };
        self.stall.watch(cx, progress)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(socket) => socket.is_write_vectored(),
            Transport::Tls(session) => session.is_write_vectored(),
            Transport::Other(duplex) => duplex.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Transport::Tls(session) => Pin::new(session).poll_flush(cx),
            Transport::Other(duplex) => Pin::new(duplex).poll_flush(cx),
        };
        self.stall.watch(cx, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Transport::Tls(session) => Pin::new(session).poll_shutdown(cx),
            Transport::Other(duplex) => Pin::new(duplex).poll_shutdown(cx),
        };
        self.stall.watch(cx, progress)
    }
}

/// The deadline of a write that waits; the timer exists only while one does.
#[derive(Debug)]
struct Stall {
    timeout: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            waiting: None,
        }
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.waiting = None;
            return progress;
        }
        let timeout = self.timeout;
        let deadline = self.waiting.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the peer takes no bytes",
        )))
    }
}
