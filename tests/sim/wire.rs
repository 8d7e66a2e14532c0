//! The connections of one simulated machine, in the order in which they were made.
//!
//! A machine that crashes drops its tasks in an order of chance, and each connection says goodbye
//! as it goes. Here they wait until the machine has ended, and go in their order: one seed stays
//! one day.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

/// The connections of a machine. Clones are of the same machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wires(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    is_crashing: bool,
    last: u64,
    open: BTreeMap<u64, TcpStream>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    number: u64,
    wires: Wires,
}

/// Cuts all connections of a machine when it is dropped, as the last thing that the machine does.
pub(crate) struct Power(Wires);

impl Wires {
    pub(crate) fn add(&self, stream: TcpStream) -> Wire {
        let mut inner = self.lock();
        inner.last += 1;
        let number = inner.last;
        inner.open.insert(number, stream);
        Wire {
            number,
            wires: self.clone(),
        }
    }

    /// The machine is on; what is given back is its last breath.
    pub(crate) fn power(&self) -> Power {
        self.lock().is_crashing = false;
        Power(self.clone())
    }

    /// From now on nothing closes a connection but the end of the machine.
    pub(crate) fn crash(&self) {
        self.lock().is_crashing = true;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        let open = std::mem::take(&mut self.0.lock().open);
        // One after the other, in their order.
        open.into_values().for_each(drop);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let mut inner = self.wires.lock();
        if !inner.is_crashing {
            let stream = inner.open.remove(&self.number);
            drop(inner);
            drop(stream);
        }
    }
}

impl Wire {
    fn with<T>(
        &self,
        poll: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match self.wires.lock().open.get_mut(&self.number) {
            Some(stream) => poll(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}
