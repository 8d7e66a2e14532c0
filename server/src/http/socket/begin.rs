//! The beginning of a socket: welcome, then the past, until it is live.

use shared::{
    api::{Limits, RESUME_RECORDS_MAX},
    fold::ChatView,
    frame::{CloseCode, HubFrame, Me, PROTO},
    id::{ChatId, Cursor, Pos},
    model::{Storage, Workload},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    desk::{
        permission::permissions,
        visibility::{reveals, visible},
    },
    http::past,
    hub::{PART, wire::Encoded},
};

use super::{Client, End, bye};

/// Records read at once while the past is told.
const REPLAY_RECORDS: usize = 512;
/// Records of a chat that come with it when it comes into sight.
const REVEAL_RECORDS: usize = 50;
/// Chats of a snapshot, and records with each.
const SNAPSHOT_CHATS: usize = 200;
const SNAPSHOT_RECORDS: usize = 20;
impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Says welcome and tells the past: what was missed since the cursor, or the whole view.
    pub(super) async fn begin(&mut self, cursor: Option<Cursor>) -> Result<(), End> {
        let store = self.app.hub.store().clone();
        let resume = match &cursor {
            None => None,
            Some(cursor) => Some(match store.cursor_check(PART, cursor).await? {
                Ok(pos) => {
                    let (head, _) = store.head(PART);
                    if head.0.saturating_sub(pos.0) > RESUME_RECORDS_MAX {
                        Err("too far behind".to_owned())
                    } else {
                        Ok(pos)
                    }
                }
                Err(reason) => Err(reason.to_string()),
            }),
        };
        let resumed = matches!(resume, Some(Ok(_)));
        self.welcome(resumed).await?;
        match resume {
            Some(Ok(pos)) => self.replay(pos).await,
            Some(Err(reason)) => self.resync(reason).await,
            None => self.snapshot().await,
        }
    }

    async fn welcome(&mut self, resumed: bool) -> Result<(), End> {
        let viewer = self.viewer().clone();
        let welcome = HubFrame::Welcome {
            proto: PROTO,
            lineage: self.app.hub.store().lineage().to_string(),
            me: Me {
                id: viewer.id,
                role: viewer.role,
                name: self.name.clone(),
                departments: viewer.departments,
                permissions: permissions(viewer.role),
            },
            now: self.app.hub.now(),
            limits: Limits::default(),
            resumed,
        };
        self.feed(&welcome).await
    }

    pub(super) async fn resync(&mut self, reason: String) -> Result<(), End> {
        self.feed(&HubFrame::Resync { reason }).await?;
        self.snapshot().await
    }

    /// Sends the view as it is now, then what is committed meanwhile.
    async fn snapshot(&mut self) -> Result<(), End> {
        let (hub, who) = (&self.app.hub, &self.session.who);
        let found = past::snapshot(hub, who, SNAPSHOT_CHATS, SNAPSHOT_RECORDS).await?;
        let Some((pos, viewer, desk)) = found else {
            return Err(bye(CloseCode::Unauthenticated, "the account is disabled"));
        };
        self.subscription.restart(viewer);
        let desk = Box::new(desk);
        self.feed(&HubFrame::Snapshot { pos, desk }).await?;
        Box::pin(self.replay(pos)).await
    }

    /// Sends every visible record after `pos`, then goes live.
    async fn replay(&mut self, mut pos: Pos) -> Result<(), End> {
        let store = self.app.hub.store().clone();
        while self.subscription.go_live(pos).is_err() {
            for stored in store.read(PART, pos, REPLAY_RECORDS).await? {
                pos = stored.pos;
                if past::changes_rights(self.viewer().id, &stored)? {
                    return Box::pin(self.resync("your rights have changed".into())).await;
                }
                if visible(self.viewer(), &stored.scope) {
                    if let Some(chat) = stored.chat
                        && reveals(self.viewer(), &stored.scope)
                    {
                        self.reveal(chat).await?;
                    }
                    let frame = Encoded::record(&stored, store.lineage());
                    self.feed_whole(frame.whole).await?;
                }
            }
        }
        let cursor = past::cursor_at(&self.app.hub, pos).await?;
        self.feed(&HubFrame::Live { cursor }).await?;
        if self.viewer().role.is_staff() {
            let viewer = self.viewer().clone();
            let asked = self
                .app
                .hub
                .ask(move |desk| desk.workloads(&viewer).collect());
            let workloads: Vec<Workload> = asked.await?;
            for workload in workloads {
                self.feed(&HubFrame::Workload(workload)).await?;
            }
            let state = *self.app.hub.storage().borrow();
            if state != Storage::Well {
                self.feed(&HubFrame::Storage { state }).await?;
            }
        }
        self.flush().await
    }

    /// Shows a chat that comes into sight, before the record that brings it.
    pub(super) async fn reveal(&mut self, chat: ChatId) -> Result<(), End> {
        let viewer = self.viewer().clone();
        let found = past::chat_view(&self.app.hub, &viewer, chat, REVEAL_RECORDS).await?;
        if let Some((pos, chat)) = found {
            let chat: Box<ChatView> = Box::new(chat);
            self.feed(&HubFrame::Chat { pos, chat }).await?;
        }
        Ok(())
    }
}
