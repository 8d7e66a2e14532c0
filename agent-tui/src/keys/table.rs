//! The one table of what the console can be told to do: name, help, keys.
//! Help, palette, `/commands` and rebinding all read it; nothing else names
//! a key.

use super::Mode::{self, Any, Compose, Confirm, Edit, EmptyCompose, Help, Nav, NavSearch};
use super::Mode::{Palette, Paste, Search, Wall};

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    /// What it tells the console.
    pub intent: Intent,
    /// The word of the palette, of `/command` and of the configuration.
    pub name: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// For each mode its chords, with spaces between.
    pub(super) keys: &'static [(Mode, &'static str)],
}

macro_rules! actions {
    ($($variant:ident $(($digit:literal: $type:ty))? $name:literal $help:literal
        [$($mode:ident: $chords:literal),*];)*) => {
        /// What a key, a command or the palette tells the console to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Intent {
            $(#[doc = $help] $variant $(($type))?,)*
        }

        /// Every action, in the order in which help shows them.
        pub const ACTIONS: &[Action] = &[
            $(Action {
                intent: Intent::$variant $(($digit))?,
                name: $name,
                help: $help,
                keys: &[$(($mode, $chords)),*],
            },)*
        ];
    };
}

actions! {
    Send "send" "send the message" [Compose: "Enter"];
    Newline "newline" "start a new line" [Compose: "Ctrl+J Alt+Enter Shift+Enter"];
    Complete "complete" "complete /command, @agent or ;reply" [Edit: "Tab"];
    CompleteBack "complete-back" "go back through the completions" [Edit: "Shift+Tab"];
    ToNav "nav" "leave the composer for the keys of the desk" [Compose: "Esc"];
    ToCompose "compose" "write in the composer" [Nav: "i Enter"];

    NextNeeding "next-needing" "next chat that needs you" [Compose: "Alt+A", Nav: "u"];
    Chat(1: u8) "chat" "chat by its number" [Compose: "Alt+1..9", Nav: "1..9"];
    NextChat "next-chat" "next chat" [Compose: "Ctrl+N", Nav: "J Ctrl+N"];
    PreviousChat "previous-chat" "previous chat" [Compose: "Ctrl+P", Nav: "K Ctrl+P"];
    LastVisited "last-chat" "chat you were in before" [Compose: "Alt+/", Nav: "`"];
    GoTo "go" "go to a chat, customer or queue" [Compose: "Ctrl+G", Nav: "g Ctrl+G"];
    Palette "palette" "all commands" [Compose: "F2", EmptyCompose: "/", Nav: ": F2"];

    LineUp "line-up" "scroll one line up" [Nav: "k Up"];
    LineDown "line-down" "scroll one line down" [Nav: "j Down"];
    HalfPageUp "half-page-up" "scroll half a page up" [Nav: "Ctrl+U"];
    HalfPageDown "half-page-down" "scroll half a page down" [Nav: "Ctrl+D"];
    PageUp "page-up" "scroll one page up" [Compose: "PgUp", Nav: "PgUp", Help: "PgUp"];
    PageDown "page-down" "scroll one page down" [Compose: "PgDn", Nav: "PgDn", Help: "PgDn"];
    ScrollTop "top" "go to the first message" [Compose: "Alt+Home", Nav: "Home"];
    ScrollEnd "end" "go to the newest message" [Compose: "Alt+End", Nav: "End"];
    JumpUnread "unread" "go to the first unread message" [Compose: "Alt+U", Nav: "U"];
    SearchInChat "search" "search in this chat" [Compose: "Ctrl+F", Nav: "/ Ctrl+F"];
    Find "find" "search all chats; in go to a chat: ?text" [];
    NextMatch "next-match" "next match of the search" [NavSearch: "n"];
    PreviousMatch "previous-match" "previous match of the search" [NavSearch: "N"];

    Mark "mark" "mark the chat, or take its mark off" [Nav: "Space"];
    MarkAll "mark-all" "mark all of this queue, or all of yours" [Nav: "*"];
    Unmark "unmark" "take all marks off" [];
    Accept "accept" "claim the waiting chat" [Nav: "a"];
    Transfer "transfer" "hand the chat to a department or an agent" [Nav: "t"];
    Return "return" "give the chat to the assistant again" [Nav: "B"];
    Card "card" "what the assistant told at the hand-off, or less" [Nav: "c"];
    Resolve "resolve" "mark the chat as resolved" [Nav: "d"];
    Close "close" "close the chat for ever" [Nav: "x"];
    Reopen "reopen" "reopen the resolved chat" [];
    Note "note" "write a note for the team" [Nav: "n"];
    Reply "reply" "write to the customer again after a note" [Nav: "p"];
    Mute "mute" "notify no more about this chat" [Nav: "m"];
    TakeOver "take-over" "take the chat from its owner" [];
    Assign "assign" "give the chat to an agent" [];
    Tag "tag" "tag the chat" [];
    Priority "priority" "change how urgent the chat is" [];
    Snooze "snooze" "put the chat aside until a time or the next reply" [Nav: "s"];
    Hold "hold" "put the chat aside, for an hour at most" [Nav: "H"];
    Wake "wake" "take a chat that was put aside up again" [Nav: "w"];
    Repeat "repeat" "do again what was last done to a chat" [Nav: "."];
    Status "status" "set yourself online, busy, away or offline" [Nav: "S"];
    Hours "hours" "how long you were online, busy and away today" [];
    StatusOf "status-of" "set another agent online, busy, away or offline" [];

    SaveFile "save" "save a file: /save NUMBER PLACE" [Nav: "f"];
    SendFile "file" "send a file: /file PATH WORDS" [Nav: "F"];
    Copy "copy" "copy the message" [Nav: "y"];
    Quote "quote" "quote the message in the composer" [Nav: "r"];
    Canned "canned" "put in a canned reply; in a message ;code and Tab" [Nav: ";"];
    Flag "flag" "call an answer of the assistant wrong" [Nav: "!"];
    Assist "assist" "suggest, ask, summarise, rewrite, translate" [Compose: "Alt+S", Nav: "P"];
    MarkUnread "mark-unread" "mark as unread from this message on" [Nav: "M"];
    RetryNow "retry" "reconnect now, and send again what failed" [Nav: "R"];
    DiscardFailed "discard" "drop the message that could not be sent" [Nav: "D"];

    HistoryOlder "history-older" "message sent before" [Compose: "Ctrl+Up"];
    HistoryNewer "history-newer" "message sent after" [Compose: "Ctrl+Down"];
    HistorySearch "history-search" "search the messages you sent" [Compose: "Ctrl+R"];
    OpenEditor "editor" "write in $EDITOR" [Compose: "Alt+E", Nav: "e"];
    Left "left" "one character left" [Edit: "Left Ctrl+B"];
    Right "right" "one character right" [Edit: "Right"];
    Up "up" "one row up, from the first to the message sent before" [Compose: "Up"];
    Down "down" "one row down, from the last to the message sent after" [Compose: "Down"];
    WordLeft "word-left" "one word left" [Edit: "Alt+B Ctrl+Left"];
    WordRight "word-right" "one word right" [Edit: "Alt+F Ctrl+Right"];
    LineStart "line-start" "start of the line" [Edit: "Ctrl+A Home"];
    LineEnd "line-end" "end of the line" [Edit: "Ctrl+E End"];
    Backspace "backspace" "delete the character before" [Edit: "Backspace Ctrl+H"];
    Delete "delete" "delete the character after" [Edit: "Delete Ctrl+D"];
    KillWordBack "kill-word-back" "cut the word before" [Edit: "Ctrl+W Alt+Backspace"];
    KillWord "kill-word" "cut the word after" [Edit: "Alt+D Ctrl+Delete"];
    KillToStart "kill-to-start" "cut to the start of the line" [Edit: "Ctrl+U"];
    KillToEnd "kill-to-end" "cut to the end of the line" [Edit: "Ctrl+K"];
    Yank "yank" "put in what was cut" [Edit: "Ctrl+Y"];
    Undo "undo" "take the last change back" [Edit: "Ctrl+_"];
    Redo "redo" "do it again after all" [Edit: "Alt+_ Ctrl+X"];

    NextPane "next-pane" "next pane" [Nav: "Tab"];
    PreviousPane "previous-pane" "previous pane" [Nav: "Shift+Tab"];
    Split "split" "show another chat beside this one" [Nav: "v"];
    ClosePane "close-pane" "close this pane, not its chat" [Nav: "q"];
    Zoom "zoom" "this pane alone, or all of them" [Compose: "Alt+Z", Nav: "z"];
    Side "side" "the customer's details, or more room for the chat" [Nav: "b"];
    PastChats "past-chats" "a chat that the customer had before" [Nav: "h"];
    OpenLink "open-link" "where a link leads; then copy or open it" [Nav: "o"];
    Redraw "redraw" "draw the screen afresh" [Any: "Ctrl+L"];
    Wall "wall" "how the departments stand" [Nav: "W"];
    DebugKeys "debug-keys" "show keys as they arrive" [Any: "F12"];

    Pick "pick" "take the chosen line" [Palette: "Enter", Search: "Enter"];
    PickNext "pick-next" "next line" [Palette: "Down Ctrl+N", Search: "Down Ctrl+N"];
    PickPrevious "pick-previous" "previous line" [Palette: "Up Ctrl+P", Search: "Up Ctrl+P"];
    ScrollHelpUp "help-up" "scroll up" [Help: "Up"];
    ScrollHelpDown "help-down" "scroll down" [Help: "Down"];
    Yes "yes" "yes, do it" [Confirm: "y"];
    PasteText "paste" "put the paste in the message" [Paste: "i Enter"];
    PasteNote "paste-note" "put the paste in a note" [Paste: "n"];
    PasteFile "paste-file" "send the paste as a file" [Paste: "f"];
    Dismiss "dismiss" "leave this without doing anything"
        [Palette: "Esc", Search: "Esc", Nav: "Esc", Help: "Esc Enter", Confirm: "n Esc", Paste: "Esc c", Wall: "Esc q"];

    Help "help" "these keys" [Any: "F1", Nav: "?"];
    CancelOrClear "clear" "clear the draft; when it is empty, ask to quit" [Any: "Ctrl+C"];
    Suspend "suspend" "stop for the shell; fg comes back" [Any: "Ctrl+Z"];
    Quit "quit" "leave the console" [Any: "Ctrl+Q"];
}
