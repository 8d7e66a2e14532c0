//! Points at which a test may have the process die, as by a power cut.
//!
//! Only in programs that are built for debugging: `FRONTDESK_FAILPOINT` is the word of a [`Point`],
//! a colon and the path of a file. The process writes that file and aborts when it comes there; it
//! goes on when the file is there already, or when its folder is not. Within a turn it panics
//! instead, as a defect would have it.

/// Where a turn of the assistant can be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// Before the desk is told that an answer is looked for.
    BeforeStart,
    /// After it has been told.
    AfterStart,
    /// While an answer is looked for.
    WithinTurn,
    /// After the answer was found.
    AfterAnswer,
    /// Before the desk is told of the answer.
    BeforeFinish,
    /// After it has been told.
    AfterFinish,
    /// While the knowledge base is read.
    KnowledgeLoad,
}

impl Point {
    #[cfg(debug_assertions)]
    const fn word(self) -> &'static str {
        match self {
            Self::BeforeStart => "before_start",
            Self::AfterStart => "after_start",
            Self::WithinTurn => "within_turn",
            Self::AfterAnswer => "after_answer",
            Self::BeforeFinish => "before_finish",
            Self::AfterFinish => "after_finish",
            Self::KnowledgeLoad => "knowledge_load",
        }
    }

    /// Ends the process if this is the point that was named.
    #[cfg(debug_assertions)]
    pub(super) fn reach(self) {
        use std::{env, fs::File, process, sync::LazyLock};
        static NAMED: LazyLock<Option<String>> =
            LazyLock::new(|| env::var("FRONTDESK_FAILPOINT").ok());
        let named = NAMED.as_deref().and_then(|named| named.split_once(':'));
        let mark = named.filter(|(word, _)| *word == self.word());
        if mark.is_some_and(|(_, mark)| File::create_new(mark).is_ok()) {
            assert!(self != Self::WithinTurn, "a failpoint was named");
            process::abort();
        }
    }

    /// Nothing, in a program that people use.
    #[cfg(not(debug_assertions))]
    pub(super) const fn reach(self) {}
}
