//! Finding what is said to a job: the hub's own knowledge, and a model where one is configured.

use shared::{
    assistant::{AssistantSettings, HandOffReason, Reply, ReplyKind, Turn},
    id::Seq,
};

use super::{
    Assistant,
    hear::{Heard, hear},
    turn::{self, Mind},
};
use crate::{desk::assistant::Job, hub::Stopped};

impl Assistant {
    /// What is said to a job.
    ///
    /// # Errors
    /// [`Stopped`] when the hub has ended.
    pub(super) async fn find(&self, job: &Job) -> Result<Turn, Stopped> {
        let settings = self.settings().await?;
        let heard = match hear(self.hub(), job).await {
            Ok(heard) => heard,
            Err(error) => {
                tracing::error!(%error, chat = %job.chat, "a chat could not be read");
                return Ok(internal(job.seq, "the chat could not be read"));
            }
        };
        Ok(self.answer(&heard, &settings))
    }

    /// What is said to what was heard.
    pub(super) fn answer(&self, heard: &Heard, settings: &AssistantSettings) -> Turn {
        let knowledge = self.knowledge();
        let mind = Mind {
            knowledge: &knowledge,
            settings,
        };
        turn::embedded(heard, mind)
    }

    async fn settings(&self) -> Result<AssistantSettings, Stopped> {
        self.hub().ask(|desk| desk.assistant().clone()).await
    }
}

/// The hub failed; a person must answer.
pub(super) fn internal(seq: Seq, detail: &str) -> Turn {
    let reply = Reply::new(ReplyKind::Passed, seq);
    turn::hand_off(HandOffReason::Internal, Some(detail), reply)
}
