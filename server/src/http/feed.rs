//! Answers of any length: a task of the hub's writes pieces, the connection takes them at its pace.

use std::{future::Future, io};

use bytes::Bytes;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;
use warp::{
    Reply,
    http::{HeaderValue, header},
    reply::Response,
};

use super::{App, errors::Failure};

/// Pieces that may wait for a slow reader.
const PIECES_MAX: usize = 4;

/// Where the pieces of an answer go.
pub(super) struct Outlet(mpsc::Sender<io::Result<Bytes>>);

impl Outlet {
    /// Hands over a piece. False when the reader is gone.
    pub(super) async fn send(&self, piece: Bytes) -> bool {
        self.0.send(Ok(piece)).await.is_ok()
    }

    /// Waits until the reader is gone.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }

    /// Breaks the answer off, so that the reader does not take it for whole.
    pub(super) fn fail(&self, failure: Failure) {
        failure.log();
        // A reader that is gone, or too slow for one more piece, sees the end all the same.
        drop(
            self.0
                .try_send(Err(io::Error::other("the answer was broken off"))),
        );
    }
}

/// An answer whose pieces are made by `write` in a task of its own, which ends with the hub.
pub(super) fn answer<F>(
    app: &App,
    media: &'static str,
    write: impl FnOnce(Outlet) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, mut pieces) = mpsc::channel(PIECES_MAX);
    let stop = app.stop.clone();
    let writing = write(Outlet(sender));
    app.tasks.spawn(async move {
        tokio::select! {
            () = writing => {}
            () = stop.cancelled() => {}
        }
    });
    let mut response = warp::reply::stream(poll_fn(move |cx| pieces.poll_recv(cx))).into_response();
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}
