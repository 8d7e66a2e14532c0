//! Pictures of the lists of canned replies and of what was found, and hostile texts in them.

use shared::{
    api::{SearchHit, SearchPage},
    id::{ChatId, Seq},
    model::{CannedScope, Department, Visibility},
    text::{HOSTILE, SafeText},
};

use super::tests::{DARK, picture};
use crate::{
    find::Question,
    fixture::{BILLING, MIA, Story, TOM, busy_desk, console_of, press, two_o_clock, type_text},
    model::Model,
    msg::Msg,
    theme::{Theme, Tone},
    update::update,
};

fn story() -> Story {
    let mut story = busy_desk();
    let ours = CannedScope::Department {
        department: BILLING,
    };
    let mine = CannedScope::Personal { user: MIA };
    let global = CannedScope::Global;
    let hello = "Hello {{customer.first_name}},\nthank you for writing to {{department.name}}.";
    story.can("hello", global, hello);
    story.can(
        "plan",
        ours,
        "You are on {{attr.plan}} until {{attr.until}}.",
    );
    story.can("bye", mine, "See you!");
    story.can(
        "bye",
        global,
        "Good bye, {{customer.name|default:\"dear customer\"}}.",
    );
    story
}

#[test]
fn canned_replies_and_what_they_leave_open() {
    let mut model = console_of(&story());
    press(&mut model, "Esc ;");
    insta::assert_snapshot!("canned", picture(&mut model, &DARK, 80, 24));
    press(&mut model, "Esc i");
    type_text(&mut model, "As for your plan: there was a change. ;plan");
    press(&mut model, "Tab Enter");
    insta::assert_snapshot!("canned_open", picture(&mut model, &DARK, 80, 24));
    let plain = Theme::new(Tone::None, true);
    let screen = picture(&mut model, &plain, 80, 24);
    let marks = screen.matches("BOLD | REVERSED").count();
    assert_eq!(marks, 2, "both can be seen without colours: {screen}");
}

fn hit(story: &Story, chat: u64, excerpt: &str, marks: &[[u32; 2]]) -> SearchHit {
    SearchHit {
        chat: ChatId(chat),
        seq: Seq(3),
        at: two_o_clock(),
        actor: story.agent(TOM),
        visibility: Visibility::Public,
        excerpt: SafeText::line(excerpt),
        marks: marks.to_vec(),
    }
}

/// A console that has found `hits`.
fn found(story: &Story, hits: Vec<SearchHit>, next: Option<&str>) -> Model {
    let mut model = console_of(story);
    type_text(&mut model, "/find vat");
    press(&mut model, "Enter");
    let question = Question {
        query: "vat".to_owned(),
        after: None,
    };
    let page = Ok(SearchPage {
        items: hits,
        next: next.map(str::to_owned),
        partial: next.is_some(),
    });
    let now = model.now;
    update(&mut model, Msg::Found { question, page }, now);
    model
}

#[test]
fn what_was_found_in_all_chats() {
    let story = story();
    let far = "The text of this message is long, and only here is the VAT number of the company";
    let mut hits = vec![
        hit(
            &story,
            1,
            "The invoice shows the wrong VAT number, the VAT ..",
            &[[28, 31], [44, 47]],
        ),
        hit(&story, 4711, far, &[[56, 59]]),
        hit(&story, 2, "ask finance about VAT", &[[18, 21]]),
    ];
    hits[2].visibility = Visibility::Note;
    let mut model = found(&story, hits, Some("17"));
    press(&mut model, "Down");
    insta::assert_snapshot!("found", picture(&mut model, &DARK, 80, 24));
    insta::assert_snapshot!("found_small", picture(&mut model, &DARK, 40, 8));
    let plain = Theme::new(Tone::None, true);
    let screen = picture(&mut model, &plain, 80, 24);
    assert_eq!(screen.matches("BOLD | REVERSED").count(), 4, "{screen}");
    type_text(&mut model, "x");
    insta::assert_snapshot!("searching", picture(&mut model, &DARK, 80, 24));
}

#[test]
fn nothing_hostile_is_in_what_was_found() {
    for hostile in HOSTILE {
        let story = story();
        let mut one = hit(&story, 9, hostile, &[[0, 3], [2, 900]]);
        one.actor.name = SafeText::line(hostile);
        let mut model = found(&story, vec![one], None);
        for (columns, rows) in [(80, 24), (40, 8)] {
            let screen = picture(&mut model, &DARK, columns, rows);
            assert_eq!(screen.chars().find(|c| is_bad(*c)), None, "{hostile:?}");
        }
        let question = Question {
            query: "vat x".to_owned(),
            after: None,
        };
        type_text(&mut model, " x");
        let page = Err((*hostile).to_owned());
        let now = model.now;
        update(&mut model, Msg::Found { question, page }, now);
        let screen = picture(&mut model, &DARK, 80, 24);
        assert_eq!(screen.chars().find(|c| is_bad(*c)), None, "{hostile:?}");
    }
}

/// No character of this may be in a cell.
fn is_bad(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'
            | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}'
            | '\u{FEFF}' | '\u{AD}')
}

#[test]
fn nothing_hostile_is_in_a_canned_reply() {
    for hostile in HOSTILE {
        let mut story = story();
        let text = SafeText::block(hostile);
        for canned in story.view.canned.values_mut() {
            canned.code = SafeText::line(&format!("x{hostile}"));
            canned.text = SafeText::block(&format!("{{{{attr.{hostile}}}}} {hostile}"));
        }
        for Department { name, .. } in story.view.departments.values_mut() {
            name.clone_from(&text);
        }
        let mut model = console_of(&story);
        for keys in ["Esc ;", "Enter", "Enter"] {
            press(&mut model, keys);
            let screen = picture(&mut model, &DARK, 80, 24);
            assert_eq!(screen.chars().find(|c| is_bad(*c)), None, "{hostile:?}");
        }
    }
}
