//! Points at which a test may have the hub die, as by a power cut.
//!
//! Only in programs that are built for debugging: `FRONTDESK_FAILPOINT` is the word of a [`Point`],
//! a colon and the path of a file. The process writes that file and aborts when it comes there; it
//! goes on when the file is there already, or when its folder is not. Within a turn of the
//! assistant it panics instead, as a defect would have it.

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $word:literal,)*) => {
        /// Where the hub can be cut off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point),*];

            /// How it is named in the environment.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$point => $word,)*
                }
            }
        }
    };
}

points! {
    /// A batch has been decided and is not written yet.
    BeforeCommit = "before_commit",
    /// A batch is durable and nobody has been answered.
    AfterCommit = "after_commit",
    /// Everyone has been answered; those who only watch have not been woken.
    BeforeFanOut = "before_fan_out",
    /// Indexes have been moved to their tables, which are not durable yet.
    WithinSettle = "within_settle",
    /// The desk has been written down, which is not durable yet.
    WithinSnapshot = "within_snapshot",
    /// A step from one version of the file to the next is not durable yet.
    WithinMigration = "within_migration",
    /// A backup has been copied and not checked.
    WithinBackup = "within_backup",
    /// A backup has been checked and given its new lineage beside the store it replaces.
    WithinRestore = "within_restore",
    /// The store that is replaced has its second name, and the backup not yet the first.
    BeforeRestoreRename = "before_restore_rename",
    /// Before the desk is told that an answer is looked for.
    BeforeStart = "before_start",
    /// After it has been told.
    AfterStart = "after_start",
    /// While an answer is looked for.
    WithinTurn = "within_turn",
    /// After the answer was found.
    AfterAnswer = "after_answer",
    /// Before the desk is told of the answer.
    BeforeFinish = "before_finish",
    /// After it has been told.
    AfterFinish = "after_finish",
    /// While the knowledge base is read.
    KnowledgeLoad = "knowledge_load",
}

impl Point {
    /// Ends the process if this is the point that was named.
    #[cfg(debug_assertions)]
    pub(crate) fn reach(self) {
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
    pub(crate) const fn reach(self) {}
}
