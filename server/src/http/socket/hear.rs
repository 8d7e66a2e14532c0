//! What a client says after hello, and the answers that do not come through the queue.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use shared::{
    api::{JSON_DEPTH_MAX, PAGE_ITEMS_MAX},
    command::Command,
    error::ErrorCode,
    frame::{ClientFrame, CloseCode, HubFrame, Typist},
    id::{ChatId, CommandId, Seq},
    text::SafeText,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::Handle,
    time::Instant,
};

use crate::{
    desk::{Rejection, visibility::visible},
    http::{json::depth, past},
    hub::{Outcome, SubmitError, wire::Encoded},
};

use super::{Client, End, bye, quick};

/// Longest name a client may give to a page or a ping, in bytes.
const LABEL_BYTES_MAX: usize = 64;
/// How long after it may a command that was refused for now is waited for.
const HELD_WITHIN: Duration = Duration::from_secs(2);

/// A command that was refused for now: those after it wait until it comes again.
pub(super) struct Held {
    cid: CommandId,
    code: ErrorCode,
    /// When it may come again.
    retry_at: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) async fn hear_frame(&mut self, text: &str) -> Result<(), End> {
        if depth(text.as_bytes()) > JSON_DEPTH_MAX {
            return Err(bye(CloseCode::BadFrame, "the frame is nested too deeply"));
        }
        match quick::read(text) {
            Ok(frame) => self.act(frame).await,
            Err(error) => match legible_cid(text) {
                Some(cid) => {
                    let nack = nack(cid, ErrorCode::Invalid, error.to_string(), None);
                    self.feed(&nack).await?;
                    self.flush().await
                }
                None => Err(End::Bye(CloseCode::BadFrame, error.to_string(), None)),
            },
        }
    }

    async fn act(&mut self, frame: ClientFrame) -> Result<(), End> {
        match frame {
            ClientFrame::Hello { .. } => Err(bye(CloseCode::BadFrame, "hello was said before")),
            ClientFrame::Do { cid, command } => {
                if let Some((code, wait)) = self.held_back(&cid) {
                    let message = format!("an earlier command waits; retry in {wait} ms");
                    let nack = nack(cid, code, message, Some(wait));
                    self.feed(&nack).await?;
                    return self.flush().await;
                }
                if let Err(wait) = self.app.limits.command(self.viewer()) {
                    let message = format!("too many commands; retry in {wait} ms");
                    self.hold_back(&cid, ErrorCode::RateLimited, wait);
                    let nack = nack(cid, ErrorCode::RateLimited, message, Some(wait));
                    self.feed(&nack).await?;
                    return self.flush().await;
                }
                if let Command::CreateUser(_) | Command::Invite { .. } = command {
                    let message = "this answers with a code; use its REST route".to_owned();
                    self.feed(&nack(cid, ErrorCode::Invalid, message, None))
                        .await?;
                    return self.flush().await;
                }
                self.submit(cid, command).await
            }
            ClientFrame::Fetch {
                id,
                chat,
                before,
                after,
                limit,
            } => {
                check_label(&id)?;
                self.fetch(id, chat, before, after, limit).await
            }
            ClientFrame::Typing { chat, on, preview } => {
                if self.app.limits.command(self.viewer()).is_ok() {
                    self.typing(chat, on, preview);
                }
                Ok(())
            }
            ClientFrame::View { chat } => match self.app.limits.command(self.viewer()) {
                Ok(()) => self.view(chat).await,
                Err(_) => Ok(()),
            },
            ClientFrame::Ping { id } => {
                check_label(&id)?;
                self.count_ping()?;
                self.feed(&HubFrame::Pong { id }).await?;
                self.flush().await
            }
        }
    }

    /// Has everything wait that this client sent after a command that was refused for now: taken
    /// first, it would stand before what was said before it.
    fn hold_back(&mut self, cid: &CommandId, code: ErrorCode, wait_ms: u64) {
        let retry_at = Instant::now() + Duration::from_millis(wait_ms);
        self.held = Some(Held {
            cid: cid.clone(),
            code,
            retry_at,
        });
    }

    /// Why a command has to wait for an earlier one and for how many milliseconds, unless it is
    /// that one, or that one does not come again.
    fn held_back(&mut self, cid: &CommandId) -> Option<(ErrorCode, u64)> {
        let held = self
            .held
            .take_if(|held| held.cid == *cid || held.retry_at.elapsed() > HELD_WITHIN);
        let held = self.held.as_ref().filter(|_| held.is_none())?;
        let wait = held.retry_at.saturating_duration_since(Instant::now());
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Some((held.code, wait_ms))
    }

    /// Hands a command to the hub; the answer comes through the queue.
    async fn submit(&mut self, cid: CommandId, command: Command) -> Result<(), End> {
        let queue = Arc::clone(self.subscription.queue());
        let in_flight = Arc::clone(&self.in_flight);
        in_flight.fetch_add(1, Ordering::AcqRel);
        let answer_to = cid.clone();
        let (app, viewer) = (Arc::clone(&self.app), self.viewer().clone());
        let runtime = Handle::current();
        let reply = move |answer| {
            let push = move |answer| {
                in_flight.fetch_sub(1, Ordering::AcqRel);
                queue.push(Encoded::of(&answer_frame(answer_to, answer)).whole);
            };
            let Err(SubmitError::Rejected(Rejection::Archived { chat })) = answer else {
                return push(answer);
            };
            // Only the store knows; the hub's thread does not wait for it.
            let judging = async move {
                let judged = past::judge_archived(&app.hub, Some(&viewer), chat).await;
                push(Err(
                    judged.map_or(SubmitError::Storage, SubmitError::Rejected)
                ));
            };
            drop(runtime.spawn(judging));
        };
        let who = self.session.who.clone();
        if let Err(error) = self.app.hub.submit_to(who, cid.clone(), command, reply) {
            self.in_flight.fetch_sub(1, Ordering::AcqRel);
            if let SubmitError::Busy { retry_after_ms } = &error {
                self.hold_back(&cid, ErrorCode::Busy, *retry_after_ms);
            }
            self.feed(&answer_frame(cid, Err(error))).await?;
            self.flush().await?;
        }
        Ok(())
    }

    async fn fetch(
        &mut self,
        id: String,
        chat: ChatId,
        before: Option<Seq>,
        after: Option<Seq>,
        limit: u32,
    ) -> Result<(), End> {
        let viewer = self.viewer().clone();
        let limit = limit.clamp(1, PAGE_ITEMS_MAX) as usize;
        let page = past::page(&self.app.hub, &viewer, chat, before, after, limit).await?;
        let (events, more) = page.unwrap_or_default();
        let page = HubFrame::Page {
            id,
            chat,
            events,
            more,
        };
        self.feed(&page).await?;
        self.flush().await
    }

    fn typing(&mut self, chat: ChatId, on: bool, preview: Option<SafeText>) {
        let publisher = Arc::clone(self.app.hub.publisher());
        let sees = publisher
            .scope(chat)
            .is_some_and(|scope| visible(self.viewer(), &scope));
        if !sees {
            return;
        }
        // No department has turned previews on, so none is passed on.
        drop(preview);
        let frame = HubFrame::Typing {
            chat,
            who: Typist {
                id: self.viewer().id,
                name: self.name.clone(),
                customer: !self.viewer().role.is_staff(),
            },
            on,
            preview: None,
        };
        let frame = Encoded::of(&frame).whole;
        publisher.whisper(chat, &frame, false, Some(self.subscription.id()));
    }

    async fn view(&mut self, chat: Option<ChatId>) -> Result<(), End> {
        if !self.viewer().role.is_staff() {
            return Ok(());
        }
        let me = self.viewer().id;
        // Nobody is seen at a chat out of their sight.
        let seen = |chat: &ChatId| {
            let scope = self.app.hub.publisher().scope(*chat);
            scope.is_some_and(|scope| visible(self.viewer(), &scope))
        };
        let chat = chat.filter(seen);
        self.subscription.view(chat);
        let found = self
            .app
            .hub
            .ask(move |desk| {
                desk.user(me)
                    .map(|user| (user.status, user.reachable, desk.load(me)))
            })
            .await?;
        if let Some((status, reachable, load)) = found {
            let publisher = self.app.hub.publisher();
            let viewing = publisher.viewing(me);
            let [about, without] = [viewing, None].map(|viewing| {
                Encoded::of(&HubFrame::Presence {
                    user: me,
                    status,
                    reachable,
                    load,
                    viewing,
                })
                .whole
            });
            publisher.whisper_staff_about(viewing, &about, &without);
        }
        Ok(())
    }
}

fn answer_frame(cid: CommandId, answer: Result<Outcome, SubmitError>) -> HubFrame {
    match answer {
        Ok(outcome) => HubFrame::Done {
            cid,
            pos: outcome.pos,
            chat: outcome.chat,
            seq: outcome.seq,
            dup: outcome.dup,
        },
        Err(error) => nack(cid, error.code(), error.to_string(), error.retry_after_ms()),
    }
}

fn nack(cid: CommandId, code: ErrorCode, message: String, retry_after_ms: Option<u64>) -> HubFrame {
    HubFrame::Nack {
        cid,
        code,
        // It may tell what the client wrote.
        message: SafeText::line(&message).into(),
        retriable: code.retriable(),
        retry_after_ms,
    }
}

fn check_label(label: &str) -> Result<(), End> {
    if label.len() > LABEL_BYTES_MAX {
        return Err(bye(CloseCode::BadFrame, "an id is longer than 64 bytes"));
    }
    Ok(())
}

/// The command id of a frame that is wrong otherwise, when it can be read.
fn legible_cid(text: &str) -> Option<CommandId> {
    #[derive(serde::Deserialize)]
    struct Do {
        r#type: String,
        cid: CommandId,
    }
    serde_json::from_str::<Do>(text)
        .ok()
        .filter(|frame| frame.r#type == "do")
        .map(|frame| frame.cid)
}

#[cfg(test)]
mod tests {
    use super::legible_cid;

    #[test]
    fn a_wrong_do_with_a_legible_cid_is_told_so() {
        let text = r#"{"type":"do","cid":"0123456789abcdef","command":{"type":"fly"}}"#;
        assert!(legible_cid(text).is_some());
        assert!(legible_cid(r#"{"type":"do","cid":"short"}"#).is_none());
        assert!(legible_cid(r#"{"type":"view","cid":"0123456789abcdef"}"#).is_none());
    }
}
