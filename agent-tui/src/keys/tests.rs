//! Laws of the table: every action is in reach, no key has two meanings.

use std::collections::HashSet;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{
    ACTIONS, BindError, Binding, Chord, Intent, Key, Keymap, Meaning, Mode, Preset, Rebind,
    SECTIONS, typed,
};

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

fn bindings(keymap: &Keymap, intent: Intent) -> Vec<&Binding> {
    let mine = keymap.bindings.iter();
    mine.filter(|binding| binding.intent == intent).collect()
}

fn presets() -> impl Iterator<Item = (Preset, Keymap)> {
    Preset::ALL
        .into_iter()
        .map(|preset| (preset, Keymap::of(preset)))
}

fn rebind(mode: &str, action: &str, keys: &[&str]) -> Rebind {
    Rebind {
        mode: mode.to_owned(),
        action: action.to_owned(),
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
    }
}

#[test]
fn every_action_has_a_plain_route() {
    for (preset, keymap) in presets() {
        // Each overlay answers to plain keys, and the palette is in reach.
        let lost: Vec<_> = keymap
            .out_of_reach()
            .map(|(action, mode)| (action.name, mode))
            .collect();
        assert_eq!(lost, [], "{preset:?}");
        for mode in [Mode::EmptyCompose, Mode::Nav, Mode::NavSearch] {
            assert!(
                keymap.has_plain(mode, Intent::Palette),
                "no plain way to the palette in {mode:?}"
            );
        }
        for action in ACTIONS {
            let mut mine = bindings(&keymap, action.intent).into_iter();
            if !mine.any(|binding| binding.strokes.is_plain()) {
                assert!(action.in_palette(), "{} is out of reach", action.name);
                assert_eq!(Intent::from_command(action.name), Some(action.intent));
            }
        }
    }
}

#[test]
fn what_has_no_key_of_its_own_family_is_rare() {
    // A key of the composer without a plain sibling in the desk's mode is by the palette alone.
    for (preset, keymap) in presets() {
        for action in ACTIONS {
            let mine = bindings(&keymap, action.intent);
            let plain = mine.iter().any(|binding| binding.strokes.is_plain());
            assert!(
                mine.is_empty() || plain || action.name == "debug-keys",
                "{} has only keys that may fail in {preset:?}",
                action.name
            );
        }
    }
}

#[test]
fn no_key_that_may_fail_is_the_only_way() {
    for (_, keymap) in presets() {
        for action in ACTIONS {
            let mine = bindings(&keymap, action.intent);
            let frail = |binding: &&Binding| {
                let chord = binding.strokes.first();
                NEVER_ALONE.iter().any(|text| text.parse() == Ok(chord))
                    || chord.modifiers().contains(KeyModifiers::SUPER)
                    || (chord.modifiers() == KeyModifiers::ALT && chord.key() == Key::Digit)
            };
            assert!(
                mine.is_empty() || !mine.iter().all(frail),
                "{}",
                action.name
            );
        }
    }
}

#[test]
fn no_two_actions_share_a_key_in_a_mode() {
    for (preset, Keymap { bindings }) in presets() {
        for (index, one) in bindings.iter().enumerate() {
            for other in &bindings[index + 1..] {
                assert!(!one.clashes(other), "{preset:?}: {one:?} and {other:?}");
            }
        }
        for (mode, strokes, intent) in preset.additions() {
            let lives = |binding: &Binding| {
                binding.mode == *mode
                    && binding.intent == *intent
                    && binding.strokes.to_string() == *strokes
            };
            assert!(bindings.iter().any(lives), "{strokes} is lost");
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
                hidden.push(format!("{}: {}", mode.name(), binding.strokes));
            }
        }
    }
    assert_eq!(hidden, ["nav-search: n"]);
}

#[test]
fn every_section_of_the_help_has_its_lines() {
    let titles: Vec<&str> = ACTIONS.iter().map(super::Action::section).collect();
    let mut seen = titles.clone();
    seen.dedup();
    assert_eq!(seen, SECTIONS.map(|(title, _)| title));
    assert_eq!(Intent::Zoom.action().section(), "panes");
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
fn digits_are_chats_without_alt_whatever_the_layout() {
    // On AZERTY the digits are with Shift, and some terminals say so.
    for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
        let seven = KeyEvent::new(KeyCode::Char('7'), modifiers);
        for (_, keymap) in presets() {
            assert_eq!(keymap.lookup(Mode::Nav, seven), Some(Intent::Chat(7)));
        }
    }
}

#[test]
fn two_presses_make_one_action_in_vim() {
    let keymap = Keymap::of(Preset::Vim);
    let g = event("g");
    let Meaning::Begins(begun) = keymap.meaning(Mode::Nav, None, g) else {
        panic!("g begins something");
    };
    assert_eq!(keymap.lookup(Mode::Nav, g), None);
    let then = |key| keymap.meaning(Mode::Nav, Some(begun), event(key));
    assert_eq!(then("g"), Meaning::Does(Intent::ScrollTop));
    assert_eq!(then("T"), Meaning::Does(Intent::PreviousChat));
    assert_eq!(then("x"), Meaning::Nothing, "not the x of nav");
    let after: Vec<_> = keymap.after(Mode::NavSearch, begun).collect();
    assert!(after.contains(&("t".parse().expect("a chord"), "next-chat")) && after.len() >= 4);
    assert_eq!(
        keymap.lookup(Mode::Nav, event("Ctrl+B")),
        Some(Intent::PageUp)
    );
    assert_eq!(keymap.keys(Mode::Nav, Intent::GoTo), "Ctrl+G go");
    assert_eq!(
        Keymap::default().meaning(Mode::Nav, None, g),
        Meaning::Does(Intent::GoTo)
    );
}

#[test]
fn help_comes_from_the_live_map() {
    let help = |keymap: &Keymap, mode| -> Vec<(String, &str)> {
        keymap
            .help(mode)
            .map(|line| (line.keys, line.help))
            .collect()
    };
    let compose = help(&Keymap::default(), Mode::Compose);
    assert_eq!(compose[0], ("Enter".to_owned(), "send the message"));
    assert!(compose.contains(&("Ctrl+A Home".to_owned(), "start of the line")));
    assert!(compose.contains(&("Ctrl+Q".to_owned(), "leave the console")));
    assert!(
        !help(&Keymap::default(), Mode::NavSearch)
            .iter()
            .any(|(_, text)| text.contains("note for"))
    );
    let mine = [rebind("compose", "send", &["F5", "Ctrl+S"])];
    let keymap = Keymap::with(Preset::Default, &mine).expect("two free keys");
    assert_eq!(help(&keymap, Mode::Compose)[0].0, "F5 Ctrl+S");
    assert_eq!(keymap.lookup(Mode::Compose, event("Enter")), None);
    assert_eq!(keymap.keys(Mode::Compose, Intent::Send), "F5 Ctrl+S");
    assert_eq!(keymap.keys(Mode::Nav, Intent::Chat(4)), "1..9");
}

#[test]
fn two_keys_can_be_swapped() {
    let swap = [
        rebind("nav", "accept", &["m"]),
        rebind("nav", "mute", &["a"]),
    ];
    let keymap = Keymap::with(Preset::Default, &swap).expect("all of it, then the check");
    assert_eq!(keymap.lookup(Mode::Nav, event("m")), Some(Intent::Accept));
    assert_eq!(keymap.lookup(Mode::Nav, event("a")), Some(Intent::Mute));
    let twice = [
        rebind("nav", "accept", &["m"]),
        rebind("nav", "accept", &["A", "A"]),
        rebind("nav", "split", &[]),
    ];
    let keymap = Keymap::with(Preset::Vim, &twice).expect("the later one counts");
    assert_eq!(keymap.lookup(Mode::Nav, event("A")), Some(Intent::Accept));
    assert_eq!(keymap.lookup(Mode::Nav, event("m")), Some(Intent::Mute));
    assert_eq!(keymap.lookup(Mode::Nav, event("v")), None);
}

#[test]
fn what_cannot_be_is_refused_and_named() {
    let cases: [(&str, &str, &[&str], &str); 10] = [
        (
            "nav",
            "mute",
            &["F5", "5"],
            "5 already means \"chat\" in nav; give \"chat\" other keys, or [] for none",
        ),
        (
            "nav",
            "mute",
            &["Qx", "Q"],
            "Q already means \"mute\" in nav",
        ),
        (
            "nav",
            "mutte",
            &["F5"],
            "no action is called \"mutte\"; did you mean \"mute\"?",
        ),
        (
            "nav",
            "dance",
            &[],
            "no action is called \"dance\"; the palette (F2) lists them",
        ),
        (
            "navi",
            "mute",
            &[],
            "no mode is called \"navi\"; did you mean \"nav\"?",
        ),
        ("nav", "mute", &["Foo"], "\"Foo\" is no key"),
        (
            "compose",
            "send",
            &["gs"],
            "gs is two keys, which only nav can have",
        ),
        (
            "nav",
            "palette",
            &["F2"],
            "\"palette\" would be out of reach in nav",
        ),
        (
            "confirm",
            "yes",
            &["Alt+Y"],
            "\"yes\" would be out of reach in confirm",
        ),
        (
            "help",
            "dismiss",
            &[],
            "\"dismiss\" would be out of reach in help",
        ),
    ];
    for (mode, action, keys, why) in cases {
        let mine = [rebind("nav", "zoom", &["Z"]), rebind(mode, action, keys)];
        let (index, error) = Keymap::with(Preset::Default, &mine).expect_err(why);
        assert_eq!(index, Some(1), "{why}");
        assert!(error.to_string().starts_with(why), "{error}");
        assert!(!matches!(error, BindError::Chord(_)) || action == "mute");
    }
    // Esc is a way out of the composer as long as a plain key has the palette there.
    let mine = [
        rebind("compose", "nav", &["Alt+Q"]),
        rebind("compose", "palette", &["Ctrl+O"]),
    ];
    assert!(Keymap::with(Preset::Default, &mine).is_ok());
    assert!(Keymap::with(Preset::Default, &mine[..1]).is_err());
}
