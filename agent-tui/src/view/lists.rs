//! Pictures of the lists of canned replies and of what was found, and hostile texts in them.

use shared::{
    model::{CannedScope, Department},
    text::{HOSTILE, SafeText},
};

use super::tests::{DARK, picture};
use crate::{
    fixture::{BILLING, MIA, Story, busy_desk, console_of, press, type_text},
    theme::{Theme, Tone},
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
