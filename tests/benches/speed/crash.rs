//! Whether what was acknowledged is there: the hub is killed under full load, and its log is read.
//!
//! A figure of messages that were told to be stored before they were would be no figure. That the
//! disk was waited for too is seen by G3: no message is stored sooner than a bare commit.

use std::time::Duration;

use server::store::{Part, SeqRange, Store, StoreUrl, Take};
use shared::{event::Event, id::ChatId};

use crate::{Bench, Fallible, bare::count, load::WINDOW_MAX, log::now, report::Row, talk::Desk};

const PAIRS: usize = 100;
/// Records of a chat among which its newest messages are: all that were on their way, and some.
const NEWEST: usize = 3 * WINDOW_MAX;

pub(crate) fn run(bench: &mut Bench) -> Fallible<()> {
    let (mut acknowledged, mut lost) = (0, 0);
    let rounds = bench.args.rounds();
    for round in 0..rounds {
        let mut desk = Desk::open(bench, &format!("crash-{round}"), PAIRS, None)?;
        desk.fleet
            .flood(PAIRS, WINDOW_MAX / 4, Duration::from_secs(1))?;
        let data = desk.hub.data.clone();
        desk.hub.kill9()?;
        desk.fleet.hear_the_rest()?;
        let store = Store::open(&StoreUrl::in_directory(&data))?;
        for (chat, done) in desk.fleet.done() {
            acknowledged += done;
            let page = store.history(
                Part::MAIN,
                ChatId(chat),
                SeqRange::default(),
                Take::Last(NEWEST),
            );
            let mut newest = None;
            for stored in now(page)? {
                if let Event::MessagePosted { text, .. } = stored.record()?.event {
                    newest = newest.max(crate::load::number_of(&text));
                }
            }
            let there = newest.map_or(0, |number| number + 1);
            lost += done.saturating_sub(there);
        }
    }
    let what = format!("lost of {acknowledged} acknowledged messages, {rounds} kills under load");
    bench
        .report
        .add(Row::new("G1", what, count(lost), "").at_most(0.0, 0.0));
    Ok(())
}
