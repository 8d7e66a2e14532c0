//! What the hub says: the view follows it, gaps are filled, what goes out of sight is dropped.

use shared::{
    client::socket::{SocketEvent, StopReason},
    error::ErrorCode,
    event::Event,
    fold::{ChatView, View},
    frame::Me,
    id::{ChatId, CommandId, Seq, UserId},
    model::{ActorKind, AgentStatus, ChatState, Role, Storage},
    record::Record,
};

use crate::{
    hours::Hours,
    keys::Intent,
    model::{Link, Model},
    msg::Effect,
    overlay::Overlay,
    thread::{Fate, Outgoing, Place, Thread, is_from_other, is_message},
};

use super::{PAGE_RECORDS, bulk, is_watched, panes, today, wall, writing};

/// Most records kept of a chat at whose end the reader is; older ones come back by scrolling.
pub(super) const RECORDS_MAX: usize = 2_000;
/// So many more are dropped at once, so that most messages move nothing.
const RECORDS_SLACK: usize = 200;

/// Takes in an event of the socket.
pub(super) fn hear(model: &mut Model, event: SocketEvent, out: &mut Vec<Effect>) {
    match event {
        SocketEvent::Connected { me, .. } => {
            model.me = Some(me);
            model.set_link(Link::Loading);
        }
        SocketEvent::Snapshot { pos, desk } => {
            model.view = View::new(pos, *desk);
            model.as_of = None;
            model.past.clear();
            let me = model.my_id();
            let View { chats, .. } = &model.view;
            for (chat, thread) in &mut model.threads {
                thread.forget_past(chats.get(chat), me);
            }
            model.ensure_threads();
        }
        SocketEvent::Record(delivered) => {
            hear_record(model, &delivered.record, out);
            model.cursor = Some(delivered.cursor);
        }
        SocketEvent::Chat { chat, .. } => reveal(model, *chat),
        SocketEvent::Live { cursor } => {
            model.cursor = Some(cursor);
            become_live(model);
            model.round_trip = None;
            out.push(Effect::Measure);
        }
        SocketEvent::Done { cid, chat, seq, .. } => {
            model.degraded = None;
            done(model, &cid, chat, seq);
        }
        SocketEvent::Nack {
            cid,
            code: ErrorCode::Stale,
            message,
            ..
        } if writing::take_back(model, &cid, &message, out) => {}
        SocketEvent::Nack {
            cid,
            code,
            message,
            retry_in,
        } => match retry_in {
            Some(_) if is_degraded(code) => model.degraded = Some(message),
            Some(_) => model.say(format!("the hub is busy ({message}); it is tried again")),
            None => refused(model, &cid, &message, out),
        },
        SocketEvent::Page {
            id,
            chat,
            events,
            more,
        } => page(model, &id, chat, events, more, out),
        SocketEvent::Typing { chat, who, on, .. } => {
            let me = model.my_id();
            let now = model.now;
            if let Some(thread) = model.threads.get_mut(&chat).filter(|_| me != Some(who.id)) {
                thread.set_typing(who.id, who.name, on, now);
            }
        }
        SocketEvent::Presence {
            user,
            status,
            reachable,
            load,
            viewing,
        } => {
            let presence = model.presence.entry(user).or_default();
            presence.load = Some(load);
            presence.viewing = viewing;
            if let Some(user) = model.view.agents.get_mut(&user) {
                user.status = status;
                user.reachable = reachable;
            }
        }
        SocketEvent::RoundTrip(took) => model.round_trip = Some(took),
        SocketEvent::Workload(workload) => wall::hear(model, workload),
        SocketEvent::Storage(storage) => {
            model.storage = storage;
            if storage.is_writable() {
                model.degraded = None;
            }
        }
        // Places are counted from the view.
        SocketEvent::Queue { .. } => {}
        SocketEvent::Resync { .. } => model.set_link(Link::Loading),
        SocketEvent::Disconnected {
            why,
            retry_in,
            attempt,
        } => {
            let until = model.now.after(retry_in);
            (model.degraded, model.storage) = (None, Storage::Well);
            model.set_link(Link::Waiting {
                why,
                until,
                attempt,
            });
            model.viewing = None;
            for thread in model.threads.values_mut() {
                thread.typing.clear();
            }
        }
        SocketEvent::Stopped { why } => {
            let why = stop_text(why, &model.how(Intent::Quit, "Ctrl+Q"));
            (model.degraded, model.storage) = (None, Storage::Well);
            model.set_link(Link::Stopped { why });
        }
    }
}

/// Whether the hub refuses all writes for now, and not this one.
fn is_degraded(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Degraded | ErrorCode::Storage | ErrorCode::StorageFull
    )
}

/// A command will never be done: says so where it can be seen.
pub(super) fn refused(model: &mut Model, cid: &CommandId, why: &str, out: &mut Vec<Effect>) {
    let found = model.threads.iter_mut().find_map(|(chat, thread)| {
        let sent = thread.outgoing.iter_mut().find(|sent| sent.cid == *cid)?;
        Some((*chat, sent))
    });
    if let Some((chat, sent)) = found {
        sent.fate = Fate::Failed(why.to_owned());
        sent.echo = None;
        model.complain(format!("a message in #{chat} was not sent: {why}"));
        return;
    }
    for thread in model.threads.values_mut() {
        thread.forget_said(cid);
    }
    // Kept failures are for messages, which a person may want to send again.
    out.push(Effect::Discard { cid: cid.clone() });
    let what = model.requests.remove(cid);
    if bulk::answered(model, cid, Err(why)) {
        return;
    }
    if let Some(what) = what {
        model.complain(format!("could not {what}: {why}"));
    }
}

fn stop_text(why: StopReason, quit: &str) -> String {
    match why {
        StopReason::Revoked => {
            "the login is over; log in again with: frontdesk-admin login; drafts are kept"
                .to_owned()
        }
        StopReason::Replaced => {
            format!("another console took over; {quit} leaves; drafts are kept")
        }
        StopReason::Version { message } | StopReason::Forbidden { message } => message,
    }
}

fn become_live(model: &mut Model) {
    // What changed while nobody listened is asked for.
    model.hours = Hours::default();
    model.hours_failed = None;
    model.set_link(Link::Live);
    model.as_of = None;
    let Model {
        panes,
        view,
        threads,
        ..
    } = model;
    let stays = |chat: &ChatId| {
        threads
            .get(chat)
            .is_some_and(|thread| thread.gone.is_some())
    };
    for pane in panes {
        *pane = pane.filter(|chat| view.chats.contains_key(chat) || stays(chat));
    }
    if model.panes.iter().all(Option::is_none)
        && let Some(chat) = model.listing().mine.first().copied()
    {
        panes::open(model, chat);
    }
}

fn reveal(model: &mut Model, chat: ChatView) {
    let id = chat.chat.id;
    let me = model.my_id();
    if let Some(thread) = model.threads.get_mut(&id) {
        thread.forget_past(Some(&chat), me);
    }
    model.view.reveal(chat);
    model.ensure_threads();
    if let Some(thread) = model.threads.get_mut(&id) {
        thread.gone = None;
    }
}

fn done(model: &mut Model, cid: &CommandId, chat: Option<ChatId>, seq: Option<Seq>) {
    model.requests.remove(cid);
    if bulk::answered(model, cid, Ok(())) {
        return;
    }
    let comes = |id: ChatId| {
        let head = model.view.chats.get(&id).map(|view| view.chat.seq);
        head < seq
    };
    if let Some(id) = chat.filter(|id| !comes(*id))
        && let Some(thread) = model.threads.get_mut(&id)
        && thread.forget_said(cid)
    {
        return;
    }
    let threads = model.threads.iter_mut();
    let mut threads = threads.filter(|(id, _)| chat.is_none_or(|chat| chat == **id));
    let found = threads.find(|(_, thread)| has(&thread.outgoing, cid));
    let Some((id, thread)) = found else { return };
    match (model.view.chats.get(id), seq) {
        (Some(view), Some(seq)) if view.chat.seq < seq => {
            let mine = |sent: &&mut Outgoing| sent.cid == *cid;
            if let Some(sent) = thread.outgoing.iter_mut().find(mine) {
                sent.fate = Fate::Stored(seq);
            }
        }
        _ => thread.outgoing.retain(|sent| sent.cid != *cid),
    }
}

fn has(outgoing: &[Outgoing], cid: &CommandId) -> bool {
    outgoing.iter().any(|sent| sent.cid == *cid)
}

fn hear_record(model: &mut Model, record: &Record, out: &mut Vec<Effect>) {
    if record.pos <= model.view.pos {
        return;
    }
    if let (Some(chat), Some(seq)) = (record.chat, record.seq)
        && let Some(view) = model.view.chats.get(&chat)
        && seq > view.chat.seq.next()
    {
        model.view.pos = record.pos;
        let thread = model.threads.entry(chat).or_default();
        thread.behind = thread.behind.max(Some(seq));
        return fill_gap(model, chat, out);
    }
    let owned = record.chat.filter(|chat| model.owns(*chat));
    model.view.apply(record);
    today::note(model, record);
    after_record(model, record);
    if let Some(chat) = owned.filter(|chat| !model.owns(*chat)) {
        tell_lost(model, chat);
    }
}

/// A chat of ours belongs to somebody else, or to nobody: says so, and what becomes of a draft.
fn tell_lost(model: &mut Model, chat: ChatId) {
    let thread = model.threads.get(&chat);
    let gone = thread.and_then(|thread| thread.gone.clone());
    let text = match (model.view.chats.get(&chat), gone) {
        (Some(view), _) => match view.chat.owner {
            Some(owner) => format!("#{chat} belongs to {} now", model.agent(owner)),
            None if view.chat.state == ChatState::Assistant => {
                format!("#{chat} is with the assistant now")
            }
            None => format!("#{chat} waits in its queue again"),
        },
        (None, Some(gone)) => format!("#{chat} {gone}"),
        // Said already.
        (None, None) => return,
    };
    if thread.is_some_and(Thread::has_draft) {
        model.complain(format!("{text}; your draft is kept"));
    } else {
        model.say(text);
    }
}

/// Asks for the records after the last one that is here.
fn fill_gap(model: &mut Model, chat: ChatId, out: &mut Vec<Effect>) {
    let Some(after) = model.view.chats.get(&chat).map(|view| view.chat.seq) else {
        return;
    };
    let thread = model.threads.entry(chat).or_default();
    let id = format!("gap-{chat}-{after}");
    if thread.asked.as_ref() == Some(&id) {
        return;
    }
    thread.asked = Some(id.clone());
    out.push(Effect::Fetch {
        id,
        chat,
        before: None,
        after: Some(after),
        limit: PAGE_RECORDS,
    });
}

fn page(
    model: &mut Model,
    id: &str,
    chat: ChatId,
    events: Vec<Record>,
    more: bool,
    out: &mut Vec<Effect>,
) {
    let Some(thread) = model.threads.get_mut(&chat) else {
        return;
    };
    if thread.asked.as_deref() != Some(id) {
        return;
    }
    thread.asked = None;
    if id.starts_with("older-") {
        return put_before(model, chat, events, more);
    }
    for record in &events {
        let Some(view) = model.view.chats.get_mut(&chat) else {
            return;
        };
        if record.seq == Some(view.chat.seq.next()) {
            view.chat.apply(record);
            view.events.push(record.clone());
            after_record(model, record);
        }
    }
    let head = model.view.chats.get(&chat).map(|view| view.chat.seq);
    let Some(thread) = model.threads.get_mut(&chat) else {
        return;
    };
    if head >= thread.behind {
        thread.behind = None;
    } else if events.is_empty() {
        // The hub does not show it any more.
        hide(model, chat, "is out of sight");
    } else {
        fill_gap(model, chat, out);
    }
}

fn put_before(model: &mut Model, chat: ChatId, mut events: Vec<Record>, more: bool) {
    let (Some(view), Some(thread)) = (
        model.view.chats.get_mut(&chat),
        model.threads.get_mut(&chat),
    ) else {
        return;
    };
    let first = view.events.first().and_then(|record| record.seq);
    let first = first.or(Some(view.chat.seq.next()));
    events.retain(|record| record.chat == Some(chat) && record.seq.is_some() && record.seq < first);
    let joins = events.last().and_then(|record| record.seq).map(Seq::next) == first;
    let rises = events.windows(2).all(|pair| pair[0].seq < pair[1].seq);
    // A page that does not join would be asked for again and again.
    thread.complete = !more || !joins || !rises;
    if !(joins && rises) {
        return;
    }
    // Backwards: what is known already is newer than all of these.
    for record in events.iter().rev() {
        thread.learn_older(record);
    }
    events.append(&mut view.events);
    view.events = events;
}

/// What a record means beyond the fold.
fn after_record(model: &mut Model, record: &Record) {
    model.ensure_threads();
    let me = model.my_id();
    match &record.event {
        Event::UserUpdated { user } if Some(user.id) == me => {
            if let Some(me) = &mut model.me {
                me.role = user.role;
                me.departments.clone_from(&user.departments);
            }
        }
        Event::ChatErased { chat, customer, .. } => forget(model, *chat, *customer),
        _ => {}
    }
    let Some(chat) = record.chat else { return };
    let head = model.view.chats.get(&chat).map(|view| view.chat.seq);
    let watched = is_watched(model, chat);
    let here = model.current() == Some(chat);
    let owns = model.owns(chat);
    let Some(thread) = model.threads.get_mut(&chat) else {
        return;
    };
    thread.learn(record);
    thread.hear_mark(record, owns);
    thread.recognise(record, me);
    if let Some(view) = model.view.chats.get_mut(&chat) {
        trim(view, thread);
    }
    thread.settle_outgoing(head.unwrap_or_default());
    if let (Event::MessagePosted { .. }, Some(who)) = (&record.event, record.actor.id) {
        thread.typing.remove(&who);
    }
    if is_message(record) && record.actor.kind == ActorKind::Assistant {
        // It has no number of its own.
        let name = &record.actor.name;
        thread.typing.retain(|_, typing| typing.name != *name);
    }
    if is_from_other(record, me) && !watched {
        thread.new_from = thread.new_from.or(record.seq);
    }
    if matches!(record.event, Event::ReadMarked { .. })
        && let Some(view) = model.view.chats.get(&chat).filter(|_| owns && !here)
    {
        thread.new_from = thread.first_unread(view, me);
    }
    let muted = thread.muted;
    let needs = match &record.event {
        Event::ChatAssigned { agent, .. } if Some(*agent) == me => {
            announce(model, chat);
            Some("new chat")
        }
        // Of a chat that is opened the next record says who has it.
        Event::ChatQueued { .. } => {
            (model.status() == AgentStatus::Online).then_some("a chat waits")
        }
        _ => (owns && is_from_other(record, me)).then_some("new message"),
    };
    // The queue is in sight as long as the terminal is; lines of it go by.
    let seen = model.focused && (watched || (!owns && !model.settings.plain));
    if let Some(what) = needs.filter(|_| !muted && !seen) {
        alert(model, chat, what, record);
    }
    if let Event::ChatTransferred { to, .. } = &record.event
        && !model.me.as_ref().is_some_and(|me| sees(me, to.department))
    {
        let where_to = format!("went to {}", model.department(to.department));
        hide(model, chat, &where_to);
        model.say(format!("#{chat} {where_to}"));
    }
    if let Event::ChatResolved { .. } | Event::ChatClosed {} = &record.event {
        tell_ended(model, chat, record);
    }
}

/// A chat ended while we were writing in it: says what becomes of the draft.
fn tell_ended(model: &mut Model, chat: ChatId, record: &Record) {
    let writes = model.threads.get(&chat).is_some_and(Thread::has_draft);
    if !writes
        || record
            .actor
            .id
            .is_some_and(|who| model.my_id() == Some(who))
    {
        return;
    }
    let next = match record.event {
        Event::ChatResolved { .. } => "/reopen opens it again",
        _ => "it is closed for ever",
    };
    let who = match record.actor.kind {
        ActorKind::System => "a rule",
        _ => record.actor.name.as_str(),
    };
    let text = format!("{who} ended #{chat} while you wrote; your draft is kept; {next}");
    model.complain(text);
}

/// Drops the oldest records of a chat that has grown long, so that a console may stay open for
/// days.
fn trim(view: &mut ChatView, thread: &mut Thread) {
    let read_further_up = thread.place != Place::End || thread.search.is_some();
    if read_further_up || view.events.len() <= RECORDS_MAX + RECORDS_SLACK {
        return;
    }
    view.events.drain(..view.events.len() - RECORDS_MAX);
    thread.forget_before(view.events.first().and_then(|record| record.seq));
}

/// Remembers to tell that `chat` needs us. Who wrote what is told only to who asked for it: a
/// notification is shown where others look too.
fn alert(model: &mut Model, chat: ChatId, what: &str, record: &Record) {
    let Some(view) = model.view.chats.get(&chat) else {
        return;
    };
    let department = model.department(view.chat.department);
    let mut text = format!("{what}, {department}");
    if model.settings.notify_body {
        text = format!("{text}, {}", view.chat.name);
        if let Event::MessagePosted { text: said, .. } = &record.event {
            text = format!("{text}: {said}");
        }
    }
    model.alert(text);
}

/// What was said in a chat is erased: nothing of it stays here, drafts about it included.
fn forget(model: &mut Model, chat: ChatId, customer: UserId) {
    model.past.remove(&customer);
    if matches!(model.overlay, Some(Overlay::Find(_))) {
        model.overlay = None;
    }
    if let Some(thread) = model.threads.get_mut(&chat) {
        thread.erase();
        model.say(format!("what was said in #{chat} is erased"));
    }
}

fn announce(model: &mut Model, chat: ChatId) {
    let name = model
        .view
        .chats
        .get(&chat)
        .map(|view| view.chat.name.clone());
    let name = name.unwrap_or_default();
    model.say(format!("#{chat} {name} is yours now"));
}

fn sees(me: &Me, department: shared::id::DepartmentId) -> bool {
    !matches!(me.role, Role::Agent | Role::Supervisor) || me.departments.contains(&department)
}

/// Drops a chat that is out of sight; its drafts stay, and where one is in front, its pane.
fn hide(model: &mut Model, chat: ChatId, why: &str) {
    model.view.chats.remove(&chat);
    model.marks.remove(&chat);
    if let Some(thread) = model.threads.get_mut(&chat) {
        thread.forget_past(None, None);
        thread.seen = None;
        thread.new_from = None;
        thread.place = Place::End;
        thread.search = None;
        thread.typing.clear();
        thread.gone = thread.has_draft().then(|| why.to_owned());
        if thread.gone.is_some() {
            return;
        }
    }
    leave_panes(model, chat);
}

fn leave_panes(model: &mut Model, chat: ChatId) {
    for pane in &mut model.panes {
        if *pane == Some(chat) {
            *pane = None;
        }
    }
}
