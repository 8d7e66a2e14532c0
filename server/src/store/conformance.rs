//! One suite for every engine: the laws of the seam.
//!
//! Laws of durability, which memory does not have, are tested beside the engine that keeps them.

use super::{
    Commit, Part, SeqRange, Store, Take,
    samples::{Talk, cid_of, commit},
};
use shared::id::{ChatId, Pos, Seq};

/// Runs a test on a fresh store of each engine.
macro_rules! on_every_engine {
    ($($(#[$doc:meta])* async fn $name:ident($store:ident: Store) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn law($store: Store) $body

            #[tokio::test]
            async fn memory() {
                law(Store::memory()).await;
            }

            #[tokio::test]
            async fn redb() {
                let directory = tempfile::tempdir().unwrap();
                law(crate::store::samples::open(directory.path()).unwrap()).await;
            }
        }
    )*};
}

on_every_engine! {
    async fn what_is_committed_is_read_back(store: Store) {
        let mut talk = Talk::default();
        let mut made = Vec::new();
        let done = commit(&store, &mut talk, |talk| {
            made = vec![
                talk.say(1, "hello", None),
                talk.say(0, "", None),
                talk.say(1, "anyone?", Some("one")),
            ];
            made.clone()
        })
        .await
        .unwrap();
        assert_eq!(done, Commit::Done { head: Pos(3) });
        assert_eq!(store.read(Part::MAIN, Pos(0), 10).await.unwrap(), made);
        let page = store.history(Part::MAIN, ChatId(1), SeqRange::default(), Take::Last(1)).await;
        assert_eq!(page.unwrap(), made[2..]);
        let answer = store.result(Part::MAIN, 7, &cid_of("one")).await.unwrap().unwrap();
        assert_eq!((answer.pos, answer.seq), (Pos(3), Some(Seq(2))));
    }
}
