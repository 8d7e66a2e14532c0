//! Laws of the table: every action is in reach, no key has two meanings.

use std::collections::HashSet;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{ACTIONS, BindError, Chord, Intent, Key, Keymap, Mode, typed};

/// Aliases of other keys, prefixes of multiplexers, and keys that desktops
/// take: each may be a second way, never the only one.
const NEVER_ALONE: [&str; 9] = [
    "Ctrl+H", "Ctrl+I", "Ctrl+J", "Ctrl+M", "Ctrl+[", "Ctrl+B", "Ctrl+A", "F10", "F11",
];

fn event(chord: &str) -> KeyEvent {
    let chord: Chord = chord.parse().expect("a chord");
    match chord.key() {
        Key::Code(code) => KeyEvent::new(code, chord.modifiers()),
        Key::Digit => panic!("no single key"),
    }
}

/// Whether a chord works in every terminal, multiplexer and layout.
fn is_plain(chord: &Chord) -> bool {
    let prefix = ["Ctrl+A", "Ctrl+B"]
        .iter()
        .any(|text| text.parse() == Ok(*chord));
    let far = KeyModifiers::ALT | KeyModifiers::SUPER;
    let function = matches!(chord.key(), Key::Code(KeyCode::F(_)));
    !prefix && !function && !chord.modifiers().intersects(far)
}

fn chords(keymap: &Keymap, intent: Intent) -> Vec<(Mode, Chord)> {
    let mine = keymap
        .bindings
        .iter()
        .filter(|binding| binding.intent == intent);
    mine.map(|binding| (binding.mode, binding.chord)).collect()
}

#[test]
fn every_action_has_a_plain_route() {
    let keymap = Keymap::default();
    let palette = chords(&keymap, Intent::Palette);
    for mode in [Mode::EmptyCompose, Mode::Nav] {
        let plain = |(at, chord): &(Mode, Chord)| *at == mode && is_plain(chord);
        assert!(
            palette.iter().any(plain),
            "no plain way to the palette in {mode:?}"
        );
    }
    let mut by_palette = Vec::new();
    for action in ACTIONS {
        if !chords(&keymap, action.intent)
            .iter()
            .any(|(_, chord)| is_plain(chord))
        {
            assert!(action.in_palette(), "{} is out of reach", action.name);
            assert_eq!(Intent::from_command(action.name), Some(action.intent));
            by_palette.push(action.name);
        }
    }
    let only = [
        "reopen",
        "take-over",
        "assign",
        "tag",
        "priority",
        "debug-keys",
    ];
    assert_eq!(
        by_palette, only,
        "keep the list of actions without a plain key short"
    );
}

#[test]
fn no_key_that_may_fail_is_the_only_way() {
    let keymap = Keymap::default();
    for action in ACTIONS {
        let chords = chords(&keymap, action.intent);
        let frail = |(_, chord): &(Mode, Chord)| {
            NEVER_ALONE.iter().any(|text| text.parse() == Ok(*chord))
                || chord.modifiers().contains(KeyModifiers::SUPER)
                || (chord.modifiers() == KeyModifiers::ALT && chord.key() == Key::Digit)
        };
        assert!(
            chords.is_empty() || !chords.iter().all(frail),
            "{}",
            action.name
        );
    }
}

#[test]
fn no_two_actions_share_a_key_in_a_mode() {
    let Keymap { bindings } = Keymap::default();
    for (index, one) in bindings.iter().enumerate() {
        for other in &bindings[index + 1..] {
            let clash = one.mode == other.mode && one.chord.overlaps(&other.chord);
            assert!(!clash, "{one:?} and {other:?}");
        }
    }
}

#[test]
fn only_a_running_search_hides_keys_of_its_base() {
    let keymap = Keymap::default();
    let mut hidden = Vec::new();
    for mode in Mode::ALL {
        for binding in &keymap.bindings {
            if mode.lineage().any(|level| level == binding.mode) && keymap.shadowed(mode, binding) {
                hidden.push(format!("{}: {}", mode.name(), binding.chord));
            }
        }
    }
    assert_eq!(hidden, ["nav-search: n"]);
}

#[test]
fn names_are_unique_words_and_helps_are_short() {
    let mut names = HashSet::new();
    for action in ACTIONS {
        let word = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(
            action.name.chars().all(word) && names.insert(action.name),
            "{}",
            action.name
        );
        assert!(action.help.len() <= 60, "{}", action.help);
        assert_eq!(action.intent.action().name, action.name);
    }
}

#[test]
fn commands_name_intents() {
    assert_eq!(Intent::from_command("transfer"), Some(Intent::Transfer));
    assert_eq!(Intent::from_command(" chat 7 "), Some(Intent::Chat(7)));
    for text in [
        "",
        "chat",
        "chat 0",
        "chat 10",
        "chat x",
        "transfer now",
        "nothing",
    ] {
        assert_eq!(Intent::from_command(text), None, "{text:?}");
    }
}

#[test]
fn a_key_means_what_its_mode_says() {
    let keymap = Keymap::default();
    let cases = [
        (Mode::Compose, "Enter", Some(Intent::Send)),
        (Mode::Nav, "Enter", Some(Intent::ToCompose)),
        (Mode::Compose, "/", None),
        (Mode::EmptyCompose, "/", Some(Intent::Palette)),
        (Mode::EmptyCompose, "Enter", Some(Intent::Send)),
        (Mode::Nav, "/", Some(Intent::SearchInChat)),
        (Mode::Nav, "n", Some(Intent::Note)),
        (Mode::NavSearch, "n", Some(Intent::NextMatch)),
        (Mode::NavSearch, "J", Some(Intent::NextChat)),
        (Mode::Nav, "7", Some(Intent::Chat(7))),
        (Mode::Nav, "0", None),
        (Mode::Compose, "7", None),
        (Mode::Compose, "Alt+3", Some(Intent::Chat(3))),
        (Mode::Compose, "Ctrl+U", Some(Intent::KillToStart)),
        (Mode::Nav, "Ctrl+U", Some(Intent::HalfPageUp)),
        (Mode::Palette, "Ctrl+N", Some(Intent::PickNext)),
        (Mode::Palette, "Ctrl+W", Some(Intent::KillWordBack)),
        (Mode::Confirm, "y", Some(Intent::Yes)),
        (Mode::Confirm, "Enter", None),
        (Mode::Compose, "y", None),
        (Mode::Search, "Ctrl+C", Some(Intent::CancelOrClear)),
    ];
    for (mode, chord, intent) in cases {
        assert_eq!(
            keymap.lookup(mode, event(chord)),
            intent,
            "{chord} in {mode:?}"
        );
    }
    let mut release = event("Enter");
    release.kind = KeyEventKind::Release;
    assert_eq!(keymap.lookup(Mode::Compose, release), None);
}

#[test]
fn text_is_what_no_command_modifier_is_held_with() {
    assert_eq!(typed(event("U")), Some('U'));
    assert_eq!(
        typed(KeyEvent::new(KeyCode::Char('É'), KeyModifiers::SHIFT)),
        Some('É')
    );
    assert_eq!(typed(event("Alt+U")), None);
    assert_eq!(typed(event("Enter")), None);
}

#[test]
fn help_comes_from_the_live_map() {
    let mut keymap = Keymap::default();
    let help = |keymap: &Keymap, mode| keymap.help(mode).collect::<Vec<_>>();
    let compose = help(&keymap, Mode::Compose);
    assert_eq!(compose[0], ("Enter".to_owned(), "send the message"));
    assert!(compose.contains(&("Ctrl+A Home".to_owned(), "start of the line")));
    assert!(compose.contains(&("Ctrl+Q".to_owned(), "leave the console")));
    assert!(
        !help(&keymap, Mode::NavSearch)
            .iter()
            .any(|(_, text)| text.contains("note for"))
    );
    keymap
        .rebind("compose", "send", &["F5", "Ctrl+S"])
        .expect("two free keys");
    assert_eq!(help(&keymap, Mode::Compose)[0].0, "F5 Ctrl+S");
    assert_eq!(keymap.lookup(Mode::Compose, event("Enter")), None);
    assert_eq!(keymap.keys(Mode::Compose, Intent::Send), "F5 Ctrl+S");
    assert_eq!(keymap.keys(Mode::Nav, Intent::Chat(4)), "1..9");
}

#[test]
fn a_key_is_bound_once() {
    let mut keymap = Keymap::default();
    let taken = keymap
        .rebind("nav", "mute", &["F5", "5"])
        .expect_err("a chat's number");
    assert_eq!(
        taken.to_string(),
        "5 already means \"chat\" in nav; free it first"
    );
    assert_eq!(keymap.lookup(Mode::Nav, event("F5")), None);
    assert_eq!(keymap.lookup(Mode::Nav, event("m")), Some(Intent::Mute));
    let unknown = keymap
        .rebind("nav", "dance", &[])
        .expect_err("no such action");
    assert_eq!(unknown, BindError::UnknownAction("dance".to_owned()));
    assert!(matches!(
        keymap.rebind("bed", "mute", &[]),
        Err(BindError::UnknownMode(_))
    ));
    assert!(matches!(
        keymap.rebind("nav", "mute", &["Foo"]),
        Err(BindError::Chord(_))
    ));
}
