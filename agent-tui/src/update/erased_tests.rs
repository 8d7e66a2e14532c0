//! What was said in a chat is erased while a console shows it. A test file.

use shared::{
    event::{EraseReason, Event},
    id::ChatId,
    text::SafeText,
};

use crate::{
    cache::Cache,
    find::Find,
    fixture::{BILLING, busy_desk, console_of, delivered, hear},
    overlay::Overlay,
};

/// S30: nothing of it is shown, kept on disk, or on its way any more.
#[test]
fn what_was_erased_is_nowhere_in_the_console() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    let record = story.says(1, "xylophonic trouble");
    hear(&mut model, &story, [delivered(record)]);
    let chat = ChatId(1);
    let thread = model.threads.get_mut(&chat).unwrap();
    drop(thread.reply.set_text("about the xylophonic"));
    model.overlay = Some(Overlay::Find(Box::<Find>::default()));
    let (customer, name) = {
        let shown = &model.view.chats[&chat].chat;
        (shown.customer, shown.name.to_string())
    };
    let everything = |model: &crate::model::Model| format!("{model:?}");
    assert!(everything(&model).contains("xylophonic") && everything(&model).contains(&name));
    let by = shared::model::Actor {
        kind: shared::model::ActorKind::System,
        id: None,
        name: SafeText::line("Frontdesk"),
        rule: Some(SafeText::line("erase")),
    };
    let event = Event::ChatErased {
        chat,
        customer,
        department: BILLING,
        reason: EraseReason::Requested,
        records: 9,
        digest: SafeText::line("5f"),
    };
    let record = story.record(None, by, event);
    hear(&mut model, &story, [delivered(record)]);
    let all = everything(&model);
    assert!(!all.contains("xylophonic"), "{all}");
    let view = &model.view.chats[&chat];
    assert!(!format!("{view:?}").contains(&name));
    assert!(model.overlay.is_none() && !model.threads[&chat].has_draft());
    assert!(model.threads[&chat].erased);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path(), "mia");
    let kept = cache
        .take(&model)
        .map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(kept.is_none_or(|kept| !kept.contains("xylophonic")));
}
