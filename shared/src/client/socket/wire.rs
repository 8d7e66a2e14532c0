//! One WebSocket connection: handshake, frames, close codes. Knows nothing of retries.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode as WsCode},
    },
};

use crate::{
    api::FRAME_BYTES_MAX,
    client::{
        error::ClientError,
        socket::StopReason,
        tls::{Connector, Stream, reason},
    },
    frame::{ClientFrame, HubFrame, SUBPROTOCOL},
};

/// Limit for the HTTP part of the handshake.
const UPGRADE_LIMIT: Duration = Duration::from_secs(10);
/// Limit for one frame to leave.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// Limit for a goodbye.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// Largest frame from a hub, in bytes: a snapshot can have several MiB.
const HUB_FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The hub said goodbye.
    Closed {
        code: u16,
        reason: String,
        reconnect_after: Option<Duration>,
    },
    /// It broke, or never came to be.
    Broken(String),
    /// It cannot be made again.
    Stopped(StopReason),
    /// The program wants no more events.
    Abandoned,
}

impl From<ClientError> for End {
    fn from(error: ClientError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What came in.
pub(super) enum Incoming {
    Frame(HubFrame),
    /// A sign of life without content.
    Alive,
}

/// One connection.
pub(super) struct Wire(WebSocketStream<Box<dyn Stream>>);

impl Wire {
    pub(super) async fn connect(connector: &Connector) -> Result<Self, End> {
        let url = connector.url();
        let scheme = if url.is_secure() { "wss" } else { "ws" };
        let mut request = format!("{scheme}://{}/ws", url.authority())
            .into_client_request()
            .map_err(|error| End::Broken(error.to_string()))?;
        request.headers_mut().insert(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL),
        );
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(4 * 1024)
            .max_write_buffer_size(4 * FRAME_BYTES_MAX)
            .max_message_size(Some(HUB_FRAME_BYTES_MAX))
            .max_frame_size(Some(HUB_FRAME_BYTES_MAX));
        let stream = connector.connect().await?;
        match timeout(
            UPGRADE_LIMIT,
            client_async_with_config(request, stream, Some(config)),
        )
        .await
        {
            Ok(Ok((socket, _))) => Ok(Self(socket)),
            Ok(Err(tungstenite::Error::Http(response))) => Err(refused(response.status().as_u16())),
            Ok(Err(error)) => Err(End::Broken(words(&error))),
            Err(_) => Err(End::Broken("no answer to the handshake".to_owned())),
        }
    }

    pub(super) async fn send(&mut self, frame: &ClientFrame) -> Result<(), End> {
        let text = serde_json::to_string(frame).map_err(|error| End::Broken(error.to_string()))?;
        match timeout(WRITE_LIMIT, self.0.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => self.broken(error).await,
            Err(_) => Err(End::Broken("the hub does not read".to_owned())),
        }
    }

    /// The next sign of life. Cancel safe.
    pub(super) async fn receive(&mut self) -> Result<Incoming, End> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(text.as_str()) {
                Ok(HubFrame::Bye {
                    code,
                    reason,
                    reconnect_after_ms,
                }) => Err(End::Closed {
                    code,
                    reason,
                    reconnect_after: reconnect_after_ms.map(Duration::from_millis),
                }),
                Ok(frame) => Ok(Incoming::Frame(frame)),
                Err(error) => Err(End::Broken(format!(
                    "illegible frame from the hub: {error}"
                ))),
            },
            Some(Ok(Message::Close(Some(frame)))) => Err(End::Closed {
                code: frame.code.into(),
                reason: frame.reason.to_string(),
                reconnect_after: None,
            }),
            Some(Ok(Message::Close(None))) | None => {
                Err(End::Broken("the hub closed the connection".to_owned()))
            }
            Some(Ok(_)) => Ok(Incoming::Alive),
            Some(Err(error)) => Err(End::Broken(words(&error))),
        }
    }

    /// Says goodbye, as far as that goes.
    pub(super) async fn close(mut self) {
        let frame = CloseFrame {
            code: WsCode::Normal,
            reason: "".into(),
        };
        // The peer may be gone already; there is nobody left to tell.
        drop(timeout(CLOSE_LIMIT, self.0.close(Some(frame))).await);
    }

    /// What a failed write was about: the hub may have said why before it closed. Other frames
    /// on the way there are not lost, since the next connection resumes before them.
    async fn broken(&mut self, error: tungstenite::Error) -> Result<(), End> {
        let farewell = async {
            loop {
                if let Err(end) = self.receive().await {
                    return end;
                }
            }
        };
        match timeout(CLOSE_LIMIT, farewell).await {
            Ok(end @ End::Closed { .. }) => Err(end),
            _ => Err(End::Broken(words(&error))),
        }
    }
}

/// An HTTP status in place of a WebSocket.
fn refused(status: u16) -> End {
    let code = match status {
        401 => 4401,
        426 => 4426,
        _ => return End::Broken(format!("the hub answered {status} to the handshake")),
    };
    End::Closed {
        code,
        reason: format!("the hub answered {status}"),
        reconnect_after: None,
    }
}

fn words(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => reason(error),
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => "connection cut".to_owned(),
        tungstenite::Error::Capacity(_) => "the hub sent too large a frame".to_owned(),
        _ => error.to_string(),
    }
}
