//! How the assistant is, trials of it, and what people do about its chats.

use serde::{Deserialize, Serialize};

use crate::{
    assistant::{AssistantCounts, FirstLine, HandOffReason, Mode, Reply, Share},
    id::{CommandId, Epoch},
    text::SafeText,
    time::Timestamp,
};

bodies! {
    /// `POST /api/chats/{id}/return`: the assistant gets the chat again.
    request ReturnChat {
        /// The epoch one saw.
        epoch: Epoch,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/human`: its customer wants a person.
    request WantHuman {
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/chats/{id}/messages/{seq}/flag`: an answer of the assistant is wrong.
    request FlagAnswer {
        /// Why, in one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SafeText>,
        /// Names the command for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<CommandId>,
    }

    /// `POST /api/assistant/test`: what would be said, without a chat.
    request AssistantTry {
        /// What a customer writes, of at most [`crate::text::MESSAGE_BYTES_MAX`] bytes.
        text: SafeText,
        /// What was said before, oldest first: the customer's lines and the assistant's in turn,
        /// the last one the assistant's; at most 50.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        history: Vec<SafeText>,
    }
}

answers! {
    /// What the assistant would do.
    answer AssistantTried {
        /// `say`, `resolve` or `hand_off`.
        does: SafeText,
        /// What it would say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<SafeText>,
        /// Why a person would be called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<HandOffReason>,
        /// The word, the error, or what else explains it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<SafeText>,
        /// What stands behind it.
        reply: Reply,
    }

    /// `GET /api/assistant/status`: how the assistant is.
    answer AssistantStatus {
        /// Whether it has anything to answer from.
        ready: bool,
        /// When it gets a new chat.
        first_line: FirstLine,
        /// What answers.
        mode: Mode,
        /// What it answers from.
        knowledge: KnowledgeStatus,
        /// The language model; none when none is configured.
        provider: Option<ProviderStatus>,
        /// What it has done since the desk began.
        counts: AssistantCounts,
        /// Conversations that were resolved and not reopened, of all.
        resolution_rate: Option<Share>,
        /// Conversations that ended after an answer and without a person's message, of all.
        deflection: Option<Share>,
        /// Answers that came too late to be said, since the hub started.
        stale_dropped: u64,
        /// Messages that are due to be answered.
        jobs_waiting: u64,
    }

    /// The knowledge base.
    answer KnowledgeStatus {
        /// Its topics.
        topics: u64,
        /// The questions that they are known by.
        questions: u64,
        /// The SHA-256 of what was read, in hexadecimal digits.
        hash: Option<SafeText>,
        /// What is wrong with its files.
        problems: Vec<SafeText>,
        /// When it was last read.
        loaded_at: Option<Timestamp>,
    }

    /// A language model.
    answer ProviderStatus {
        /// What it speaks.
        kind: SafeText,
        /// The host that is asked.
        host: SafeText,
        /// Its name.
        model: SafeText,
        /// Whether it has a key.
        key_set: bool,
        /// The last four characters of the key; empty for a short one.
        key_last4: Option<SafeText>,
        /// `closed`, `open` or `probing`: whether it is asked.
        breaker: SafeText,
        /// Since when.
        since: Timestamp,
        /// Calls under way.
        in_flight: u64,
        /// Calls that wait for their turn.
        waiting: u64,
        /// Calls since the hub started.
        calls: u64,
        /// Those of them that brought no answer.
        failures: u64,
        /// How the last of them failed.
        last_failure: Option<SafeText>,
        /// When.
        last_failure_at: Option<Timestamp>,
        /// Tokens of this day in UTC.
        tokens_today: u64,
        /// Half of the last answers took no longer, in milliseconds.
        total_ms_p50: Option<u64>,
        /// And 95 of 100.
        total_ms_p95: Option<u64>,
    }
}
