//! Colours, by what they are for. Sixteen colours and the terminal's own default; every meaning
//! is also carried by a word or a mark, so that a theme without colours loses nothing.

use ratatui::style::{Color, Modifier, Style};

/// Which background the colours are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Tone {
    /// A dark background.
    Dark,
    /// A light background.
    Light,
    /// No colours, only bold, dim and inverse.
    None,
}

/// What something on the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Text of no special kind.
    Text,
    /// What is there to be found, not to be read.
    Dim,
    /// The first row.
    Header,
    /// Titles of parts.
    Heading,
    /// The title of the pane with the focus, the chosen line.
    Selected,
    /// A customer.
    Customer,
    /// Another member of staff.
    Agent,
    /// Ourselves.
    Me,
    /// For the team only.
    Note,
    /// The desk itself.
    System,
    /// Failed, refused, lost.
    Error,
    /// To be seen soon.
    Warning,
    /// New and unread.
    Unread,
    /// The border of a public reply.
    ReplyBorder,
    /// The match of a search.
    Match,
    /// What a canned reply left open in a draft.
    Blank,
}

/// The characters that borders are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// Of a public reply, and of overlays.
    pub single: &'static str,
    /// Of a note.
    pub double: &'static str,
    /// Between columns.
    pub vertical: &'static str,
}

/// All roles, for tests.
#[cfg(test)]
pub(crate) const ROLES: [Role; 16] = [
    Role::Text,
    Role::Dim,
    Role::Header,
    Role::Heading,
    Role::Selected,
    Role::Customer,
    Role::Agent,
    Role::Me,
    Role::Note,
    Role::System,
    Role::Error,
    Role::Warning,
    Role::Unread,
    Role::ReplyBorder,
    Role::Match,
    Role::Blank,
];

pub(crate) const DRAWN: Lines = Lines {
    single: "─",
    double: "═",
    vertical: "│",
};
const ASCII: Lines = Lines {
    single: "-",
    double: "=",
    vertical: "|",
};

/// The look of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    pub(crate) tone: Tone,
    /// Borders.
    pub lines: Lines,
}

impl Theme {
    /// Colours for `tone`; borders of ASCII alone where asked.
    pub fn new(tone: Tone, ascii: bool) -> Self {
        let lines = if ascii { ASCII } else { DRAWN };
        Self { tone, lines }
    }

    /// How `role` looks.
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new();
        let plain = match role {
            Role::Header | Role::Selected => style.add_modifier(Modifier::REVERSED),
            Role::Dim | Role::System => style.add_modifier(Modifier::DIM),
            Role::Heading | Role::Error | Role::Warning => style.add_modifier(Modifier::BOLD),
            // A badge changes often: a colour alone is fewer bytes.
            Role::Unread if self.tone == Tone::None => style.add_modifier(Modifier::BOLD),
            Role::Match | Role::Blank => style.add_modifier(Modifier::REVERSED | Modifier::BOLD),
            _ => style,
        };
        match self.color(role) {
            Some(color) => plain.fg(color),
            None => plain,
        }
    }

    fn color(&self, role: Role) -> Option<Color> {
        let (dark, light) = match role {
            Role::Customer => (Color::LightCyan, Color::Blue),
            Role::Agent => (Color::LightGreen, Color::Blue),
            Role::Note => (Color::LightYellow, Color::Magenta),
            Role::Error => (Color::LightRed, Color::Red),
            Role::Warning | Role::Unread => (Color::LightYellow, Color::Red),
            Role::ReplyBorder => (Color::LightCyan, Color::Blue),
            _ => return None,
        };
        match self.tone {
            Tone::Dark => Some(dark),
            Tone::Light => Some(light),
            Tone::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier};

    use super::{ROLES, Role, Theme, Tone};

    /// Whether only a colour tells `role` from text.
    fn is_colored(role: Role) -> bool {
        match role {
            Role::Customer
            | Role::Agent
            | Role::Note
            | Role::Error
            | Role::Warning
            | Role::Unread
            | Role::ReplyBorder => true,
            Role::Text
            | Role::Dim
            | Role::Header
            | Role::Heading
            | Role::Selected
            | Role::Me
            | Role::System
            | Role::Match
            | Role::Blank => false,
        }
    }

    /// What xterm makes of the named colours.
    fn xterm(color: Color) -> [u8; 3] {
        match color {
            Color::LightCyan => [0, 255, 255],
            Color::LightGreen => [0, 255, 0],
            Color::LightYellow => [255, 255, 0],
            Color::LightRed => [255, 0, 0],
            Color::Blue => [0, 0, 238],
            Color::Magenta => [205, 0, 205],
            Color::Red => [205, 0, 0],
            other => panic!("{other:?} is not in the table"),
        }
    }

    /// Relative luminance by WCAG 2.
    fn luminance(rgb: [u8; 3]) -> f64 {
        let linear = rgb.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn every_color_can_be_read_on_its_background() {
        for (tone, background) in [(Tone::Dark, [0; 3]), (Tone::Light, [255; 3])] {
            for role in ROLES {
                let theme = Theme::new(tone, false);
                let style = theme.style(role);
                assert_eq!(
                    style.bg, None,
                    "{role:?}: the background is the terminal's own"
                );
                assert_eq!(style.fg.is_some(), is_colored(role), "{role:?}");
                let Some(color) = style.fg else {
                    continue;
                };
                let (a, b) = (luminance(xterm(color)), luminance(background));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{role:?} on {tone:?}: {contrast:.1}");
                let weak = Modifier::DIM | Modifier::REVERSED;
                assert!(
                    !style.add_modifier.intersects(weak),
                    "{role:?}: that color would be another one"
                );
            }
        }
    }

    #[test]
    fn no_role_is_left_out() {
        for (index, role) in ROLES.into_iter().enumerate() {
            assert_eq!(role as usize, index);
        }
        assert_eq!(ROLES.last(), Some(&Role::Blank), "the last one of all");
    }

    #[test]
    fn without_colors_there_are_none() {
        let theme = Theme::new(Tone::None, true);
        for role in ROLES {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert!(theme.lines.single.is_ascii() && theme.lines.double.is_ascii());
    }
}
