//! What lies over the desk and has the keys: lists to pick from, lines to fill in, questions,
//! help. What picking does is `update`'s business.

use shared::{
    api::{AssistKind, Tone},
    id::{CannedId, ChatId, CommandId, Seq, UserId},
    model::AgentStatus,
};

use crate::{
    composer::Composer,
    deed::{Aim, Deed, Target},
    find::Find,
    fuzzy,
    keys::{Intent, Mode},
};

/// What a line of a list stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An action.
    Intent(Intent),
    /// A chat.
    Chat(ChatId),
    /// Someone or something to hand a chat to.
    Target(Target),
    /// A status.
    Status(Stand),
    /// A member of staff.
    Agent(UserId),
    /// A message sent before.
    Text(String),
    /// How urgent.
    Priority(i8),
    /// A canned reply.
    Canned(CannedId),
    /// Help of the hub.
    Aid(Aid),
}

/// Help of the hub for the one who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aid {
    /// What.
    pub kind: AssistKind,
    /// How the new text is to sound.
    pub tone: Option<Tone>,
}

impl Aid {
    /// Every one, in the order in which they are offered.
    pub fn all() -> impl Iterator<Item = Self> {
        let tones = Tone::ALL.iter().map(|tone| Some(*tone));
        AssistKind::ALL.iter().flat_map(move |kind| {
            let one = (*kind != AssistKind::Rewrite).then_some(None);
            let several = tones.clone().filter(|_| *kind == AssistKind::Rewrite);
            let kind = *kind;
            let tones = one.into_iter().chain(several);
            tones.map(move |tone| Self { kind, tone })
        })
    }

    /// The word for it in lists and commands.
    pub const fn word(self) -> &'static str {
        match self.tone {
            Some(tone) => tone.word(),
            None => self.kind.word(),
        }
    }
}

/// What somebody means to do from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// What.
    pub status: AgentStatus,
    /// They finish the chats at hand, then they are offline.
    pub leaving: bool,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is matched and shown first.
    pub label: String,
    /// What is shown beside it, and matched after it.
    pub detail: String,
    /// What it stands for.
    pub value: Value,
}

/// What a list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickFor {
    /// To do something.
    Command,
    /// To go somewhere.
    GoTo,
    /// To hand a chat on.
    Transfer(Aim),
    /// To give a chat to an agent.
    Assign(Aim),
    /// To set one's status, or that of somebody else.
    Status(Option<UserId>),
    /// To say whose status is set.
    StatusOf,
    /// To write again what was sent before.
    History,
    /// To say how urgent a chat is.
    Priority(Aim),
    /// To say for how long a chat is put aside.
    Snooze(Aim),
    /// To see where a link leads.
    Link,
    /// To have help with writing.
    Aid,
    /// To put in the message of this chat what the hub proposes.
    Proposal(ChatId, Aid),
    /// To put a canned reply in the message.
    Canned {
        /// In place of the `;code` before the cursor.
        typed: bool,
    },
}

/// A list with a field that filters it.
#[derive(Debug, Clone)]
pub struct Picker {
    /// What for.
    pub purpose: PickFor,
    /// What is typed.
    pub field: Composer,
    /// Everything there is.
    pub choices: Vec<Choice>,
    /// What is looked for, when it is not all that is typed.
    pub query: Option<String>,
    /// Which of the matching lines is chosen.
    pub selected: usize,
    /// The question to the hub whose answer fills it; a later one does.
    pub waits_for: Option<CommandId>,
    /// What stands in place of lines that there are none of.
    pub told: Option<String>,
}

/// What a line to fill in is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskFor {
    /// To search in the chat.
    Search,
    /// A note for those who get the chat.
    TransferNote(Aim, Target),
    /// A note for the team before a chat is given to an agent.
    AssignNote(Aim, UserId),
    /// Why one is away or busy, or somebody else is.
    Reason(Stand, Option<UserId>),
    /// Tags to put on, and with `-` to take off.
    Tags(Aim),
    /// Which file to save, and where.
    SaveFile,
    /// Which file to send, and what to say with it.
    SendFile,
    /// What is wrong with an answer of the assistant.
    Flag(ChatId, Seq),
    /// What the knowledge base is asked.
    Question(ChatId, Aid),
    /// To which language the draft is translated.
    Language(ChatId, Aid),
}

/// A line to fill in.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What for.
    pub purpose: AskFor,
    /// What is typed.
    pub field: Composer,
}

/// What happens after yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Something is done to chats.
    Do(Aim, Deed),
    /// The link that was asked for is copied, and opened where that can be done.
    OpenLink,
    /// The console ends.
    Quit,
}

/// A question to answer with yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// The question.
    pub question: String,
    /// What yes does.
    pub then: Then,
}

/// The help overlay.
#[derive(Debug, Clone)]
pub struct Help {
    /// Where it was opened: those keys come first.
    pub from: Mode,
    /// Filters the lines.
    pub field: Composer,
    /// The first line shown.
    pub top: usize,
}

/// What lies over the desk.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// A list.
    Picker(Picker),
    /// The messages found in all chats.
    Find(Box<Find>),
    /// A line to fill in.
    Prompt(Prompt),
    /// A question.
    Confirm(Confirm),
    /// The keys.
    Help(Help),
    /// A long paste that waits for a decision.
    Paste(String),
    /// How the departments stand.
    Wall,
}

impl Overlay {
    /// Which keys it has.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Picker(_) | Self::Find(_) => Mode::Palette,
            Self::Prompt(_) => Mode::Search,
            Self::Confirm(_) => Mode::Confirm,
            Self::Help(_) => Mode::Help,
            Self::Paste(_) => Mode::Paste,
            Self::Wall => Mode::Wall,
        }
    }

    /// The field that takes what is typed.
    pub fn field_mut(&mut self) -> Option<&mut Composer> {
        match self {
            Self::Picker(picker) => Some(&mut picker.field),
            Self::Find(find) => Some(&mut find.field),
            Self::Prompt(prompt) => Some(&mut prompt.field),
            Self::Help(help) => Some(&mut help.field),
            Self::Confirm(_) | Self::Paste(_) | Self::Wall => None,
        }
    }
}

impl Picker {
    /// A list for `purpose` with nothing typed.
    pub fn new(purpose: PickFor, choices: Vec<Choice>) -> Self {
        Self {
            purpose,
            field: Composer::default(),
            choices,
            query: None,
            selected: 0,
            waits_for: None,
            told: None,
        }
    }

    /// What stands above it.
    pub fn title(&self) -> String {
        match self.purpose {
            PickFor::Command => "commands".to_owned(),
            PickFor::GoTo => "go to a chat; ?text searches all chats".to_owned(),
            PickFor::Transfer(aim) => format!("hand {aim} to"),
            PickFor::Assign(aim) => format!("give {aim} to"),
            PickFor::Status(None) => "be".to_owned(),
            PickFor::Status(Some(_)) => "they are".to_owned(),
            PickFor::StatusOf => "whose status".to_owned(),
            PickFor::History => "sent before".to_owned(),
            PickFor::Priority(Aim::One(chat)) => format!("#{chat} is"),
            PickFor::Priority(aim) => format!("{aim} are"),
            PickFor::Snooze(aim) => format!("snooze {aim}: choose, or type a time"),
            PickFor::Link => "links of the message".to_owned(),
            PickFor::Aid => "help with writing; nothing is sent by itself".to_owned(),
            PickFor::Proposal(_, aid) => format!("{}: goes in the composer, not out", aid.word()),
            PickFor::Canned { .. } => "canned replies".to_owned(),
        }
    }

    /// The lines that fit what is typed, best first.
    pub fn matches(&self) -> Vec<&Choice> {
        let query = self.query.as_deref().unwrap_or(self.field.text());
        let scored = self.choices.iter().filter_map(|choice| {
            let label = fuzzy::score(query, &choice.label).map(|score| score * 2);
            let whole = || fuzzy::score(query, &format!("{} {}", choice.label, choice.detail));
            Some((label.or_else(whole)?, choice))
        });
        let mut scored: Vec<(u32, &Choice)> = scored.collect();
        // Stable: equals stay in the order of the list.
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        scored.into_iter().map(|(_, choice)| choice).collect()
    }

    /// The chosen line.
    pub fn chosen(&self) -> Option<&Choice> {
        let matches = self.matches();
        let last = matches.len().checked_sub(1)?;
        Some(matches[self.selected.min(last)])
    }

    /// Chooses the line `by` further down, round the end.
    pub fn step(&mut self, by: isize) {
        let count = isize::try_from(self.matches().len()).unwrap_or(isize::MAX);
        if count > 0 {
            let at = isize::try_from(self.selected).unwrap_or(0).min(count - 1);
            self.selected = usize::try_from((at + by).rem_euclid(count)).unwrap_or(0);
        }
    }
}

impl Help {
    /// The help for somebody in the mode `from`.
    pub fn new(from: Mode) -> Self {
        Self {
            from,
            field: Composer::default(),
            top: 0,
        }
    }
}

impl Prompt {
    /// A line for `purpose` with nothing in it.
    pub fn new(purpose: AskFor) -> Self {
        Self {
            purpose,
            field: Composer::default(),
        }
    }

    /// What stands above it.
    pub fn title(&self) -> String {
        match self.purpose {
            AskFor::Search => "search in this chat".to_owned(),
            AskFor::TransferNote(aim, _) | AskFor::AssignNote(aim, _) => {
                format!("note with {aim} for the team (may be empty)")
            }
            AskFor::Reason(..) => "why (may be empty)".to_owned(),
            AskFor::Tags(aim) => format!("tags for {aim}: word, or -word to take it off"),
            AskFor::SaveFile => "save: NUMBER PLACE; empty for the last file, here".to_owned(),
            AskFor::SendFile => "send: PATH WORDS; Tab completes".to_owned(),
            AskFor::Flag(..) => "what is wrong with the answer (may be empty)".to_owned(),
            AskFor::Question(..) => "ask the knowledge base".to_owned(),
            AskFor::Language(..) => {
                "to which language, like pt; empty for the customer's".to_owned()
            }
        }
    }
}
