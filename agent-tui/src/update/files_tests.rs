//! Files in chats: what is shown, what is asked of the world, what is said of it.

use shared::{id::ChatId, model::Visibility};

use super::update;
use crate::{
    files::{Content, Sending},
    fixture::{Story, busy_desk, console_of, press, type_text},
    model::Model,
    msg::{Effect, Msg, Typed},
    overlay::Overlay,
    thread::Thread,
};

fn desk() -> Story {
    let mut story = busy_desk();
    story.sends(1, 7, "report.pdf");
    story.sends(1, 9, "photo.png");
    story.says(1, "see both");
    story
}

fn told(model: &Model) -> (&str, bool) {
    let notice = model.notice.as_ref();
    notice.map_or(("", false), |notice| (&notice.text, notice.error))
}

fn saved(effects: &[Effect]) -> Vec<(u64, &str)> {
    let saves = effects.iter().filter_map(|effect| match effect {
        Effect::SaveFile {
            chat: ChatId(1),
            file,
            to,
        } => Some((file.id.0, to.as_str())),
        _ => None,
    });
    saves.collect()
}

fn sent(effects: &[Effect]) -> Vec<&Sending> {
    let sends = effects.iter().filter_map(|effect| match effect {
        Effect::SendFile(sending) => Some(&**sending),
        _ => None,
    });
    sends.collect()
}

fn line(model: &mut Model, line: &str) -> Vec<Effect> {
    let now = model.now;
    update(model, Msg::Typed(Typed::Command(line.to_owned())), now)
}

#[test]
fn a_file_is_a_line_of_its_message() {
    let story = desk();
    let model = console_of(&story);
    let view = model.current_view().expect("a chat");
    let thread: &Thread = model.current_thread().expect("a chat");
    let shown: Vec<String> = view
        .events
        .iter()
        .filter_map(|record| thread.shown(record))
        .collect();
    let line = "[file 7] report.pdf (12.0 KiB, application/pdf)";
    assert!(shown.iter().any(|text| text == line), "{shown:?}");
}

#[test]
fn the_last_file_is_saved_unless_another_is_named() {
    let story = desk();
    let mut model = console_of(&story);
    press(&mut model, "Esc f");
    let saves = press(&mut model, "Enter");
    assert_eq!(saved(&saves), [(9, "")]);
    assert_eq!(model.files_under_way, 1);
    for (typed, expected) in [
        ("save", (9, "")),
        ("save 7", (7, "")),
        ("save #7 /tmp", (7, "/tmp")),
        ("save ~/x y", (9, "~/x")),
        ("save 7 \"a b.pdf\"", (7, "a b.pdf")),
        ("save 7 a\\ b.pdf", (7, "a b.pdf")),
    ] {
        let saves = line(&mut model, typed);
        assert_eq!(saved(&saves), [expected], "{typed}");
    }
    assert!(saved(&line(&mut model, "save 8")).is_empty());
    assert!(
        told(&model).0.starts_with("file 8 is not in"),
        "{:?}",
        told(&model)
    );
    line(&mut model, "go 2");
    assert!(saved(&line(&mut model, "save")).is_empty());
    assert_eq!(told(&model).0, "no file is in what is loaded of this chat");
}

#[test]
fn a_file_goes_where_a_message_would() {
    let story = desk();
    let mut model = console_of(&story);
    press(&mut model, "F2");
    type_text(&mut model, "file my\\ report.pdf here it is");
    let Some(Overlay::Picker(picker)) = &model.overlay else {
        panic!("{:?}", model.overlay);
    };
    let offered: Vec<&str> = picker
        .matches()
        .iter()
        .map(|choice| &*choice.label)
        .collect();
    assert_eq!(offered, ["file"]);
    let effects = press(&mut model, "Enter");
    let [sending] = &sent(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(sending.content, Content::Path("my report.pdf".to_owned()));
    assert_eq!(sending.caption, "here it is");
    assert_eq!(
        (sending.chat, sending.visibility),
        (ChatId(1), Visibility::Public)
    );
    assert_eq!(told(&model), ("sending my report.pdf", false));
    press(&mut model, "Esc n");
    let effects = line(&mut model, "file a.txt");
    assert_eq!(sent(&effects)[0].visibility, Visibility::Note);
    assert_ne!(sent(&effects)[0].cid, sending.cid);
    // Tom's chat takes notes only.
    line(&mut model, "go 3");
    assert!(sent(&line(&mut model, "file a.txt")).is_empty());
    assert!(told(&model).1, "{:?}", told(&model));
    line(&mut model, "go 1");
    assert!(sent(&line(&mut model, "file")).is_empty());
    assert!(
        told(&model).0.starts_with("write which file"),
        "{:?}",
        told(&model)
    );
}

#[test]
fn a_long_paste_can_be_a_file() {
    let story = desk();
    let mut model = console_of(&story);
    let now = model.now;
    let log = "line\n".repeat(9);
    update(&mut model, Msg::Paste(log.clone()), now);
    let effects = press(&mut model, "f");
    let name = "paste.txt".to_owned();
    assert_eq!(
        sent(&effects)[0].content,
        Content::Text {
            name,
            text: log.clone()
        }
    );
    assert!(model.overlay.is_none());
    // What cannot be sent stays in front.
    line(&mut model, "go 3");
    update(&mut model, Msg::Paste(log), now);
    assert!(sent(&press(&mut model, "f")).is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Paste(_))));
}

#[test]
fn how_it_goes_is_said() {
    let story = desk();
    let mut model = console_of(&story);
    line(&mut model, "save 7");
    let now = model.now;
    for (text, error, done, left) in [
        ("sending a.txt: 1.0 MiB of 2.0 MiB", false, false, 1),
        ("a.txt was not sent: the chat is closed", true, true, 0),
    ] {
        let words = text.to_owned();
        update(
            &mut model,
            Msg::File {
                text: words,
                error,
                done,
            },
            now,
        );
        assert_eq!(told(&model), (text, error));
        assert_eq!(model.files_under_way, left);
    }
}

#[test]
fn a_path_is_completed_as_far_as_it_is_sure() {
    let story = desk();
    let mut model = console_of(&story);
    let typed = |model: &Model| match &model.overlay {
        Some(Overlay::Picker(picker)) => picker.field.text().to_owned(),
        Some(Overlay::Prompt(prompt)) => prompt.field.text().to_owned(),
        other => panic!("{other:?}"),
    };
    for (keys, begun, full) in [
        ("F2", "file /tmp/re", "file /tmp/re\\ port.pdf"),
        ("F2", "save 7 /tmp/re", "save 7 /tmp/re\\ port.pdf"),
        ("Esc F", "/tmp/re", "/tmp/re\\ port.pdf"),
    ] {
        press(&mut model, keys);
        type_text(&mut model, begun);
        let asked = press(&mut model, "Tab");
        assert!(
            asked.contains(&Effect::Paths("/tmp/re".to_owned())),
            "{asked:?}"
        );
        let now = model.now;
        let several = ["/tmp/re port.pdf", "/tmp/re port.pdf.old"];
        let paths = several.map(str::to_owned).to_vec();
        let there = Msg::Paths {
            typed: "/tmp/re".to_owned(),
            paths,
        };
        update(&mut model, there.clone(), now);
        assert_eq!(typed(&model), full);
        assert_eq!(told(&model).0, "re port.pdf  re port.pdf.old");
        // An answer to what is not there any more changes nothing.
        update(&mut model, there, now);
        assert_eq!(typed(&model), full);
        press(&mut model, "Esc i");
    }
}
