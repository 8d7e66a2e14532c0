//! The life cycle of a chat: every legal pair of state and event, in one match.
//!
//! What an event does to a chat is the shared fold; whether a person may cause it is the
//! permission table.

use shared::{event::Event, model::ChatState};

/// The state of a chat after `event`, or none when that cannot happen to a chat in `state`.
#[must_use]
pub const fn next(state: ChatState, event: &Event) -> Option<ChatState> {
    use ChatState::{Active, Assistant, Closed, Hold, Offered, Resolved, Snoozed, Waiting};
    match (state, event) {
        (Closed, _) | (Resolved, Event::MessageEdited { .. }) => None,
        (
            _,
            Event::MessagePosted { .. }
            | Event::MessageEdited { .. }
            | Event::ReadMarked { .. }
            | Event::UnreadMarked { .. }
            | Event::Tagged { .. }
            | Event::Prioritised { .. }
            | Event::AttributeSet { .. }
            | Event::AssistantReplied { .. }
            | Event::AnswerFlagged { .. },
        ) => Some(state),
        (Assistant | Waiting, Event::AssistantStarted { .. })
        | (Assistant, Event::HandedOff { .. }) => Some(state),
        (Waiting | Active | Hold | Snoozed, Event::AssistantAssigned { .. }) => Some(Assistant),
        (Assistant | Waiting | Offered | Active | Hold | Snoozed, Event::ChatQueued { .. }) => {
            Some(Waiting)
        }
        (Assistant | Waiting | Offered | Active | Hold | Snoozed, Event::ChatAssigned { .. }) => {
            Some(Active)
        }
        (
            Assistant | Waiting | Offered | Active | Hold | Snoozed,
            Event::ChatTransferred { .. },
        ) => Some(state),
        (Active | Snoozed, Event::ChatHeld {}) => Some(Hold),
        (Active | Hold | Snoozed, Event::ChatSnoozed { .. }) => Some(Snoozed),
        (Hold | Snoozed, Event::ChatWoken {}) => Some(Active),
        (Assistant | Waiting | Offered | Active | Hold | Snoozed, Event::ChatResolved { .. }) => {
            Some(Resolved)
        }
        (Resolved, Event::ChatReopened { .. }) => Some(Waiting),
        (Resolved, Event::Rated { .. }) => Some(Resolved),
        (_, Event::ChatClosed {}) => Some(Closed),
        _ => None,
    }
}
