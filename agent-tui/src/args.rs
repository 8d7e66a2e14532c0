//! The command line of the console.

use std::path::PathBuf;

use clap::Parser;

use crate::{
    config::{EscHold, Options},
    keys::Preset,
    notify::Means,
    theme::Tone,
};

const EXAMPLES: &str = "\
Examples:
  frontdesk-agent
  frontdesk-agent --context acme --theme light
  frontdesk-agent --hub https://desk.example.org --ascii
  frontdesk-agent --wall
  frontdesk-agent --plain";

/// Answer customers' chats from the terminal.
///
/// F1 in the console shows its keys. Log in first with: frontdesk-admin login
#[derive(Debug, Clone, Parser)]
#[command(name = "frontdesk-agent", version, before_help = EXAMPLES)]
pub struct Args {
    /// The context to use, out of the user's config
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// The hub, in place of the context's
    #[arg(long, value_name = "URL")]
    pub hub: Option<String>,
    /// The config file, in place of the user's and the system's [env: FRONTDESK_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Colours for a dark or a light background, or none; asks the terminal when not given
    #[arg(long, value_name = "TONE")]
    pub theme: Option<Tone>,
    /// Draw borders with ASCII alone
    #[arg(long)]
    pub ascii: bool,
    /// Show only how the departments stand, for a spare terminal; you are not reachable there
    #[arg(long)]
    pub wall: bool,
    /// Lines of words in reading order, for screen readers, dumb terminals and pipes; silent but
    /// with --notify bell
    #[arg(long, conflicts_with = "wall")]
    pub plain: bool,
    /// Begin with empty panes; drafts are kept
    #[arg(long)]
    pub fresh: bool,
    /// Take the mouse: the wheel scrolls, a click chooses; Shift selects text as without it
    #[arg(long)]
    pub mouse: bool,
    /// Write no drafts to disk: what is not sent is lost with the console
    #[arg(long)]
    pub no_drafts: bool,
    /// Keep no copy of the desk for the next start, and drop the one there is
    #[arg(long)]
    pub no_cache: bool,
    /// Save files in this folder; where the console was started when not given
    #[arg(long, value_name = "FOLDER")]
    pub downloads: Option<PathBuf>,
    /// How to tell of what you do not see: at most once in 5 s, and not of muted chats
    #[arg(long, value_name = "MEANS")]
    pub notify: Option<Means>,
    /// Say in notifications who wrote and what, not only in which department
    #[arg(long)]
    pub notify_body: bool,
    /// Hold a lone Esc so many milliseconds, to see whether it begins an Alt key that came in two
    /// packets; 40 over SSH and 0 elsewhere when not given
    #[arg(long, value_name = "MS")]
    pub esc_ms: Option<EscHold>,
    /// The keys to begin with, before those of the user's config
    #[arg(long, value_name = "PRESET")]
    pub keys: Option<Preset>,
    /// Show each key as it arrives, what was logged, and what frames cost (F12)
    #[arg(long)]
    pub debug_keys: bool,
}

impl Args {
    /// What the command line sets; a flag that is not there says nothing.
    pub fn options(&self) -> Options {
        Options {
            theme: self.theme,
            ascii: self.ascii.then_some(true),
            fresh: self.fresh.then_some(true),
            mouse: self.mouse.then_some(true),
            drafts: self.no_drafts.then_some(false),
            cache: self.no_cache.then_some(false),
            notify: self.notify,
            notify_body: self.notify_body.then_some(true),
            esc_ms: self.esc_ms,
            downloads: self.downloads.clone(),
            plain: self.plain.then_some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Args, EXAMPLES};
    use crate::theme::Tone;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
        let words = [
            "frontdesk-agent",
            "--context",
            "acme",
            "--theme",
            "light",
            "--ascii",
        ];
        let args = Args::try_parse_from(words).expect("sound");
        assert_eq!(args.context.as_deref(), Some("acme"));
        assert_eq!(args.theme, Some(Tone::Light));
        assert!(args.ascii && !args.fresh);
        assert!(Args::try_parse_from(["frontdesk-agent", "--plainly"]).is_err());
        assert!(Args::try_parse_from(["frontdesk-agent", "--plain", "--wall"]).is_err());
        for example in EXAMPLES.lines().skip(1) {
            let parsed = Args::try_parse_from(example.split_whitespace());
            assert!(parsed.is_ok(), "{example}: {parsed:?}");
        }
    }
}
