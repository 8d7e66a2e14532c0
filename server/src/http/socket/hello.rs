//! The first frame and the last one.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use shared::{
    frame::{ClientFrame, CloseCode, HubFrame, PROTO},
    id::{CommandId, Cursor},
    text::SafeText,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{CloseFrame, frame::coding::CloseCode as WsCloseCode},
    },
};

use super::{End, Outbox, bye};
use crate::hub::wire::Encoded;

/// Longest name a client may give for itself, in bytes.
const CLIENT_BYTES_MAX: usize = 64;
/// How long the other side may take over the farewell.
const FAREWELL_WITHIN: Duration = Duration::from_secs(2);
/// What a client says of itself.
pub(super) struct Hello {
    pub(super) token: String,
    pub(super) cursor: Option<Cursor>,
    pub(super) slot: CommandId,
    pub(super) watches: bool,
}

/// Reads the first frame.
pub(super) async fn hello<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
) -> Result<Hello, End> {
    let text = loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => break text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(_)) => return Err(bye(CloseCode::BadFrame, "the first frame is not hello")),
            Some(Err(error)) => return Err(error.into()),
            None => return Err(End::Gone),
        }
    };
    // The version comes first: a client of another one may send a hello of another form.
    #[derive(serde::Deserialize)]
    struct Version {
        proto: u32,
    }
    if let Ok(Version { proto }) = serde_json::from_str(&text)
        && proto != PROTO
    {
        let side = if proto < PROTO { "client" } else { "hub" };
        let reason = format!("this hub speaks proto {PROTO}, not {proto}; upgrade the {side}");
        return Err(End::Bye(CloseCode::Version, reason, None));
    }
    match serde_json::from_str(&text) {
        Ok(ClientFrame::Hello {
            token,
            cursor,
            slot,
            client,
            watches,
            ..
        }) if client.len() <= CLIENT_BYTES_MAX => {
            tracing::debug!(client = %SafeText::line(&client), "hello");
            Ok(Hello {
                token,
                cursor,
                slot,
                watches,
            })
        }
        Ok(_) => Err(bye(CloseCode::BadFrame, "the first frame is not a hello")),
        Err(error) => Err(End::Bye(CloseCode::BadFrame, error.to_string(), None)),
    }
}

/// Says bye, closes, and gives the other side a moment to take it.
pub(super) async fn farewell<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    mut outbox: Outbox,
    end: End,
) {
    let End::Bye(code, reason, reconnect_after_ms) = end else {
        return;
    };
    // It may tell what the client wrote.
    let reason = String::from(SafeText::line(&reason));
    let goodbye = async {
        let frame = HubFrame::Bye {
            code: code.as_u16(),
            reason: reason.clone(),
            reconnect_after_ms,
        };
        // A frame that was cut off ends first, or the next one would be taken for its rest.
        socket.flush().await?;
        outbox.finish(Encoded::of(&frame).whole);
        outbox.write(socket.get_mut()).await?;
        let mut cut = reason.len().min(120);
        while !reason.is_char_boundary(cut) {
            cut -= 1;
        }
        let close = CloseFrame {
            code: WsCloseCode::from(code.as_u16()),
            reason: reason[..cut].into(),
        };
        socket.close(Some(close)).await?;
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<(), tungstenite::Error>(())
    };
    if let Ok(Err(error)) = timeout(FAREWELL_WITHIN, goodbye).await {
        tracing::debug!(%error, "a socket did not take its farewell");
    }
}
