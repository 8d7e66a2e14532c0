//! Points at which a test may have the process die, as by a power cut.
//!
//! Only in programs that are built for debugging: `FRONTDESK_FAILPOINT` names one of
//! [`POINTS`](self::Point), and the process aborts when it comes there.

/// Where a turn of the assistant can be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// Before the desk is told that an answer is looked for.
    BeforeStart,
    /// After it has been told.
    AfterStart,
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
            Self::AfterAnswer => "after_answer",
            Self::BeforeFinish => "before_finish",
            Self::AfterFinish => "after_finish",
            Self::KnowledgeLoad => "knowledge_load",
        }
    }

    /// Ends the process if this is the point that was named.
    #[cfg(debug_assertions)]
    pub(super) fn reach(self) {
        use std::sync::LazyLock;
        static NAMED: LazyLock<Option<std::ffi::OsString>> =
            LazyLock::new(|| std::env::var_os("FRONTDESK_FAILPOINT"));
        if NAMED.as_deref().is_some_and(|named| named == self.word()) {
            std::process::abort();
        }
    }

    /// Nothing, in a program that people use.
    #[cfg(not(debug_assertions))]
    pub(super) const fn reach(self) {}
}
