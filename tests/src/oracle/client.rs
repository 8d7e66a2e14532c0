//! What a client remembers: what it sent in which order, what it was promised, what it saw.

use shared::{
    command::Command,
    id::{ChatId, CommandId, Pos, Seq, UserId},
    model::Role,
};

use crate::robot::Seen;

/// A promise of the hub: this command is done, and stands there.
#[derive(Clone, Debug)]
pub struct Ack {
    /// Whom it was given to.
    pub name: String,
    /// Whose command it is.
    pub principal: u64,
    /// Which.
    pub cid: CommandId,
    /// What was asked.
    pub command: Option<Command>,
    /// Its last record.
    pub pos: Pos,
    /// Its chat.
    pub chat: Option<ChatId>,
    /// Its message, or its last record in the chat.
    pub seq: Option<Seq>,
}

/// Everything that one client remembers.
#[derive(Clone, Debug)]
pub struct Client {
    /// For sentences.
    pub name: String,
    /// As whom the hub took it in.
    pub id: UserId,
    /// The role.
    pub role: Role,
    /// What it sent, in this order.
    pub sent: Vec<(CommandId, Command)>,
    /// What came.
    pub seen: Seen,
    /// It has heard everything there was to hear, so that its view must be whole.
    pub is_complete: bool,
}

/// What clients were promised.
#[must_use]
pub fn acks_of(clients: &[Client]) -> Vec<Ack> {
    let mut acks = Vec::new();
    for client in clients {
        for (cid, (pos, chat, seq)) in &client.seen.acked {
            let command = client.sent.iter().find(|(sent, _)| sent == cid);
            acks.push(Ack {
                name: client.name.clone(),
                principal: client.id.0,
                cid: cid.clone(),
                command: command.map(|(_, command)| command.clone()),
                pos: *pos,
                chat: *chat,
                seq: *seq,
            });
        }
    }
    acks
}
