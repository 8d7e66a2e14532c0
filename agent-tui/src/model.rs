//! The state of the console: what the hub said, what this person does with it, what the screen
//! is like. Changed only by `update`, read by `view`; no clock, no input, no colour.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::tz::TimeZone;
use shared::{
    fold::{ChatView, View},
    frame::Me,
    id::{ChatId, CommandId, Cursor, DepartmentId, UserId},
    model::{AgentStatus, Chat, ChatState, Role, Storage, User, Workload},
    time::Timestamp,
};

use crate::{
    complete::Completion,
    debug::Debug,
    deed::{Deed, Round},
    find::Asked,
    hours::Hours,
    keys::{Chord, Intent, Keymap, Mode},
    msg::Layout,
    overlay::Overlay,
    thread::{Place, Thread},
};

/// Most panes side by side.
pub const PANES_MAX: usize = 4;

/// What does not change while the console runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name of the context, or the address of the hub.
    pub context: String,
    /// Draws with ASCII alone.
    pub ascii: bool,
    /// Shows how the departments stand and nothing else.
    pub wall: bool,
    /// Tells in lines what happens, and takes typed lines: nobody knows what is looked at.
    pub plain: bool,
    /// The time zone of the clock and of the days.
    pub zone: TimeZone,
    /// Links can be opened here: not over SSH, and there is a program for it.
    pub opens_links: bool,
    /// Begins the ids of this run's commands: random, so that no two runs share one.
    pub seed: u64,
    /// The terminal answered that it has the kitty protocol of keys.
    pub kitty: bool,
    /// Notifications say who wrote and what.
    pub notify_body: bool,
}

/// How it stands with the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// The first try is under way.
    Connecting,
    /// Connected; what was missed is coming.
    Loading,
    /// Everything shown is as it is now.
    Live,
    /// The connection is lost and comes back by itself.
    Waiting {
        /// Why it was lost.
        why: String,
        /// When it is tried again.
        until: Timestamp,
        /// Tries in a row.
        attempt: u32,
    },
    /// It does not come back.
    Stopped {
        /// Why, and what to do.
        why: String,
    },
}

/// The chats that a customer had before, as far as we may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Past {
    /// The hub was asked.
    Asked,
    /// Newest first.
    Known(Vec<Chat>),
    /// Why they are not known.
    Failed(String),
}

/// Customers whose earlier chats are remembered at once.
const PASTS_MAX: usize = 50;

/// What has the keys when no overlay has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Base {
    /// The composer of the focused pane.
    #[default]
    Compose,
    /// The desk.
    Nav,
}

/// One line for the person: an error stays until it is dismissed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// Whether something went wrong.
    pub error: bool,
}

/// The first of two keys was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Which.
    pub chord: Chord,
    /// Where.
    pub mode: Mode,
    /// It is forgotten then.
    pub until: Timestamp,
}

/// How another member of staff is, beyond what the log says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Presence {
    /// Chats they own, when the hub has said.
    pub load: Option<u32>,
    /// The chat they look at.
    pub viewing: Option<ChatId>,
}

/// Something that needs this person, who does not see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alert {
    /// What, the newest of it.
    pub what: String,
    /// How much came before it since the last alert.
    pub more: usize,
    /// The terminal has not the focus of the desktop.
    pub away: bool,
}

/// Rings at most once in a while.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bell {
    /// Silent until then.
    pub quiet_until: Option<Timestamp>,
    /// What has happened in the meantime.
    pub wanted: Option<Alert>,
}

/// A chat that needs somebody, and since when. Later needs of the same chat are others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Since then.
    pub since: Timestamp,
    /// Which.
    pub chat: ChatId,
}

/// Everything.
#[derive(Debug)]
pub struct Model {
    /// What does not change.
    pub settings: Settings,
    /// The live map of keys.
    pub keymap: Keymap,
    /// When the last message came.
    pub now: Timestamp,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The terminal has the focus of the desktop, as far as it says.
    pub focused: bool,
    /// Who the hub takes us for, once it said.
    pub me: Option<Me>,
    /// How it stands with the hub.
    pub link: Link,
    /// Since when.
    pub link_since: Timestamp,
    /// Why the hub takes no writes for now, while it says so.
    pub degraded: Option<String>,
    /// What the store of the hub takes.
    pub storage: Storage,
    /// When what is shown was true, while it comes from an earlier run.
    pub as_of: Option<Timestamp>,
    /// Where we are in the log.
    pub cursor: Option<Cursor>,
    /// What the hub said.
    pub view: View,
    /// What this console adds to each chat. Outlives the chat's being in sight, as drafts do.
    pub threads: BTreeMap<ChatId, Thread>,
    /// How the staff are.
    pub presence: BTreeMap<UserId, Presence>,
    /// How the departments stand, as the hub counts them.
    pub workloads: BTreeMap<DepartmentId, Workload>,
    /// How long the way to the hub and back last took.
    pub round_trip: Option<Duration>,
    /// Those that need somebody.
    pub alarms: BTreeSet<DepartmentId>,
    /// The chat of each pane; at least one pane, at most [`PANES_MAX`].
    pub panes: Vec<Option<ChatId>>,
    /// Which pane has the focus.
    pub focus: usize,
    /// Only the focused pane is shown.
    pub zoom: bool,
    /// The details of the customer are not wanted.
    pub side_hidden: bool,
    /// Earlier chats of customers.
    pub past: BTreeMap<UserId, Past>,
    /// The working time of today.
    pub hours: Hours,
    /// Why it is not known, when the hub did not say.
    pub hours_failed: Option<String>,
    /// What the hub was asked about all chats.
    pub asked: Asked,
    /// The link that may be opened once it was confirmed.
    pub link_asked: Option<String>,
    /// The chat before this one.
    pub visited: Option<ChatId>,
    /// What has the keys below the overlay.
    pub base: Base,
    /// What lies over the desk.
    pub overlay: Option<Overlay>,
    /// The line at the bottom.
    pub notice: Option<Notice>,
    /// Commands other than messages that wait for their answer, with what they do.
    pub requests: BTreeMap<CommandId, String>,
    /// Files that are being sent or saved.
    pub files_under_way: usize,
    /// The marked chats; may name some that went out of sight.
    pub marks: BTreeSet<ChatId>,
    /// What is done to several chats and is not answered yet.
    pub rounds: Vec<Round>,
    /// What was last done to a chat.
    pub last_deed: Option<Deed>,
    /// What was shown by the walk through all that needs somebody.
    pub walked: BTreeSet<Need>,
    /// The bell.
    pub bell: Bell,
    /// The title of the window, as it was last given out.
    pub title: String,
    /// The focus that the hub knows of.
    pub viewing: Option<ChatId>,
    /// The first of two keys, while the second is waited for.
    pub begun: Option<Begun>,
    /// What Tab goes on with.
    pub completion: Option<Completion>,
    /// What was chosen in the palette, the newest first.
    pub recent: Vec<Intent>,
    /// What F12 shows.
    pub debug: Debug,
    /// The screen no longer shows this state.
    pub dirty: bool,
    /// Commands made in this run.
    made: u64,
}

impl Model {
    /// A console that has heard of nothing yet.
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        let overlay = settings.wall.then_some(Overlay::Wall);
        Self {
            settings,
            keymap: Keymap::default(),
            now,
            size: (80, 24),
            focused: true,
            me: None,
            link: Link::Connecting,
            link_since: now,
            degraded: None,
            storage: Storage::Well,
            as_of: None,
            cursor: None,
            view: View::default(),
            threads: BTreeMap::new(),
            presence: BTreeMap::new(),
            workloads: BTreeMap::new(),
            round_trip: None,
            alarms: BTreeSet::new(),
            panes: vec![None],
            focus: 0,
            zoom: false,
            side_hidden: false,
            past: BTreeMap::new(),
            hours: Hours::default(),
            hours_failed: None,
            asked: Asked::default(),
            link_asked: None,
            visited: None,
            base: Base::default(),
            overlay,
            notice: None,
            requests: BTreeMap::new(),
            files_under_way: 0,
            marks: BTreeSet::new(),
            rounds: Vec::new(),
            last_deed: None,
            walked: BTreeSet::new(),
            bell: Bell::default(),
            title: String::new(),
            viewing: None,
            begun: None,
            completion: None,
            recent: Vec::new(),
            debug: Debug::default(),
            dirty: true,
            made: 0,
        }
    }

    /// A name for a new command.
    pub fn next_cid(&mut self) -> CommandId {
        self.made += 1;
        let text = format!("{:016x}{:016x}", self.settings.seed, self.made);
        CommandId::parse(&text).expect("32 hexadecimal digits are a command id")
    }

    /// The chat of the focused pane.
    pub fn current(&self) -> Option<ChatId> {
        self.panes.get(self.focus).copied().flatten()
    }

    /// The chat of the focused pane as the hub knows it, if it is in sight.
    pub fn current_view(&self) -> Option<&ChatView> {
        self.view.chats.get(&self.current()?)
    }

    /// The thread of the focused pane.
    pub fn current_thread(&self) -> Option<&Thread> {
        self.threads.get(&self.current()?)
    }

    /// What has the keyboard.
    pub fn mode(&self) -> Mode {
        match &self.overlay {
            Some(overlay) => overlay.mode(),
            None => self.mode_below(),
        }
    }

    /// What has the keyboard when no overlay has it.
    pub fn mode_below(&self) -> Mode {
        let thread = self.current_thread();
        match self.base {
            Base::Compose if thread.is_none_or(|thread| thread.composer().is_empty()) => {
                Mode::EmptyCompose
            }
            Base::Compose => Mode::Compose,
            Base::Nav if thread.is_some_and(|thread| thread.search.is_some()) => Mode::NavSearch,
            Base::Nav => Mode::Nav,
        }
    }

    /// Our own number.
    pub fn my_id(&self) -> Option<UserId> {
        self.me.as_ref().map(|me| me.id)
    }

    /// Ourselves as the desk lists us.
    pub fn myself(&self) -> Option<&User> {
        self.view.agents.get(&self.my_id()?)
    }

    /// What we mean to do; offline as long as the hub has not said.
    pub fn status(&self) -> AgentStatus {
        self.myself().map(|user| user.status).unwrap_or_default()
    }

    /// Whether we may do what supervisors do.
    pub fn leads(&self) -> bool {
        self.me
            .as_ref()
            .is_some_and(|me| me.role >= Role::Supervisor)
    }

    /// Whether we answer the chats of a department; those in no department answer all.
    pub fn works_in(&self, department: DepartmentId) -> bool {
        self.me
            .as_ref()
            .is_some_and(|me| me.departments.is_empty() || me.departments.contains(&department))
    }

    /// The marked chats that are in sight.
    pub fn marked(&self) -> Vec<ChatId> {
        let marks = self.marks.iter().copied();
        marks
            .filter(|chat| self.view.chats.contains_key(chat))
            .collect()
    }

    /// Names of other staff who look at `chat`.
    pub fn staff_viewing(&self, chat: ChatId) -> Vec<String> {
        let looking = self.presence.iter();
        let looking = looking.filter(|(user, presence)| {
            presence.viewing == Some(chat) && self.my_id() != Some(**user)
        });
        looking.map(|(user, _)| self.agent(*user)).collect()
    }

    /// Names of other staff who type in `chat`.
    pub fn staff_typing(&self, chat: ChatId) -> Vec<String> {
        let typing = self.threads.get(&chat).map(|thread| &thread.typing);
        let typing = typing.into_iter().flatten();
        let staff = typing.filter(|(user, _)| {
            self.view.agents.contains_key(user) && self.my_id() != Some(**user)
        });
        staff.map(|(_, typing)| typing.name.to_string()).collect()
    }

    /// Whether we own `chat`.
    pub fn owns(&self, chat: ChatId) -> bool {
        let owner = self.view.chats.get(&chat).and_then(|view| view.chat.owner);
        owner.is_some() && owner == self.my_id()
    }

    /// Whether `chat` is on the screen.
    pub fn is_shown(&self, chat: ChatId) -> bool {
        self.visible_panes()
            .any(|index| self.panes[index] == Some(chat))
    }

    /// Columns of a pane's worth that there is room for: panes, and what they leave to the side
    /// panel.
    pub fn room(&self) -> usize {
        match self.size {
            (200.., 16..) => PANES_MAX,
            (160.., 16..) => 3,
            (120.., 16..) => 2,
            _ => 1,
        }
    }

    /// The panes that there is room for, the focused one among them.
    pub fn visible_panes(&self) -> std::ops::Range<usize> {
        let room = if self.zoom { 1 } else { self.room() };
        let count = self.panes.len().min(room);
        let first = (self.focus + 1).saturating_sub(count);
        first..first + count
    }

    /// Whether the details of the customer are shown: panes go first.
    pub fn shows_side(&self) -> bool {
        !self.side_hidden && !self.zoom && self.panes.len() < self.room()
    }

    /// Whether a line says how it stands with the hub.
    pub fn has_banner(&self) -> bool {
        self.link != Link::Live || self.trouble().is_some()
    }

    /// Notes how it stands with the hub now.
    pub fn set_link(&mut self, link: Link) {
        if std::mem::discriminant(&self.link) != std::mem::discriminant(&link) {
            self.link_since = self.now;
        }
        self.link = link;
    }

    /// Remembers what is known of the earlier chats of a customer.
    pub fn remember_past(&mut self, customer: UserId, past: Past) {
        if self.past.len() >= PASTS_MAX && !self.past.contains_key(&customer) {
            self.past.clear();
        }
        self.past.insert(customer, past);
    }

    /// The earlier chats of whoever asks in `chat`, newest first.
    pub fn past_of(&self, chat: &Chat) -> &[Chat] {
        match self.past.get(&chat.customer) {
            Some(Past::Known(chats)) => chats,
            _ => &[],
        }
    }

    /// What the next start begins with.
    pub fn layout(&self) -> Layout {
        let place = |(id, thread): (&ChatId, &Thread)| match thread.place {
            Place::End => None,
            place @ Place::At { .. } => Some((*id, place)),
        };
        Layout {
            panes: self.panes.clone(),
            focus: self.focus,
            zoom: self.zoom,
            side_hidden: self.side_hidden,
            places: self.threads.iter().filter_map(place).collect(),
        }
    }

    /// Messages of others in `chat` that we have not seen.
    pub fn unread(&self, chat: ChatId) -> usize {
        match (self.view.chats.get(&chat), self.threads.get(&chat)) {
            (Some(view), Some(thread)) => thread.unread(view, self.my_id()),
            _ => 0,
        }
    }

    /// Chats that we own and have not read to the end, but for those that are muted.
    pub fn unread_chats(&self) -> usize {
        let threads = self.threads.iter();
        let unread = |(id, thread): &(&ChatId, &Thread)| {
            !thread.muted && self.owns(**id) && self.unread(**id) > 0
        };
        threads.filter(unread).count()
    }

    /// Messages and commands that the hub does not have yet.
    pub fn unsent(&self) -> usize {
        let messages = self.threads.values().map(Thread::unsent);
        messages.sum::<usize>() + self.requests.len()
    }

    /// The name of a department, or its number when it is not known.
    pub fn department(&self, id: DepartmentId) -> String {
        match self.view.departments.get(&id) {
            Some(department) => department.name.to_string(),
            None => format!("department {id}"),
        }
    }

    /// The name of a member of staff, or the number.
    pub fn agent(&self, id: UserId) -> String {
        match self.view.agents.get(&id) {
            Some(user) => user.name.to_string(),
            None => format!("user {id}"),
        }
    }

    /// Remembers to tell of something that needs this person.
    pub fn alert(&mut self, what: String) {
        let before = self.bell.wanted.take();
        self.bell.wanted = Some(Alert {
            what,
            more: before.map_or(0, |before| before.more + 1),
            away: !self.focused,
        });
    }

    /// Puts a line at the bottom; it does not cover an error that nobody has dismissed.
    pub fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.debug.log(self.now, text.clone());
        if self.notice.as_ref().is_none_or(|notice| !notice.error) {
            self.notice = Some(Notice { text, error: false });
        }
    }

    /// Puts an error at the bottom.
    pub fn complain(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.debug.log(self.now, format!("error: {text}"));
        self.notice = Some(Notice { text, error: true });
    }

    /// How a person does `intent` here: by `keys`, or in lines by a command.
    pub fn how(&self, intent: Intent, keys: &str) -> String {
        if self.settings.plain {
            format!("/{}", intent.action().name)
        } else {
            keys.to_owned()
        }
    }

    /// Sees to it that each chat in sight has its thread.
    pub fn ensure_threads(&mut self) {
        let me = self.my_id();
        for (id, view) in &self.view.chats {
            let thread = self.threads.entry(*id).or_default();
            thread.meet(view, me);
        }
    }
}

/// The word for a status.
pub const fn status_word(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Online => "online",
        AgentStatus::Busy => "busy",
        AgentStatus::Away => "away",
        AgentStatus::Offline => "offline",
    }
}

/// The word for the state of a chat.
pub const fn state_word(state: ChatState) -> &'static str {
    match state {
        ChatState::Assistant => "with the assistant",
        ChatState::Waiting => "waiting",
        ChatState::Offered => "offered",
        ChatState::Active => "active",
        ChatState::Hold => "on hold",
        ChatState::Snoozed => "snoozed",
        ChatState::Resolved => "resolved",
        ChatState::Closed => "closed",
    }
}
