//! The budget: tokens for one chat and for all chats of a day in UTC.
//!
//! Pure: the clock is passed in. What a call may cost is held before it and settled after it, so
//! that calls at the same time cannot spend the same tokens.

use std::collections::HashMap;

use shared::{id::ChatId, time::Timestamp};

/// Chats whose tokens are remembered. The one that was quiet the longest is forgotten first.
const CHATS_MAX: usize = 10_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Tokens; 0 for no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct BudgetLimits {
    pub(super) per_chat: u64,
    pub(super) per_day: u64,
}

/// The tokens are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// What was spent and what may be.
#[derive(Debug, Default)]
pub(super) struct Budget {
    day: i64,
    today: u64,
    held: u64,
    chats: HashMap<ChatId, Chat>,
    /// Rises with every use, to tell which chat was quiet the longest.
    uses: u64,
}

#[derive(Debug, Default)]
struct Chat {
    spent: u64,
    held: u64,
    used_at: u64,
}

impl Budget {
    /// Takes over what was spent before a restart. What was spent since stays.
    pub(super) fn restore(
        &mut self,
        now: Timestamp,
        today: u64,
        chats: impl IntoIterator<Item = (ChatId, u64)>,
    ) {
        self.turn_day(now);
        self.today = self.today.saturating_add(today);
        for (chat, spent) in chats {
            let entry = self.chat(chat);
            entry.spent = entry.spent.saturating_add(spent);
        }
    }

    /// Tokens of the day so far.
    pub(super) fn today(&mut self, now: Timestamp) -> u64 {
        self.turn_day(now);
        self.today
    }

    /// Holds `tokens` for a call.
    pub(super) fn hold(
        &mut self,
        chat: Option<ChatId>,
        tokens: u64,
        now: Timestamp,
        limits: BudgetLimits,
    ) -> Result<(), Exhausted> {
        self.turn_day(now);
        check(self.today, self.held, tokens, limits.per_day)?;
        if let Some(chat) = chat {
            let entry = self.chat(chat);
            check(entry.spent, entry.held, tokens, limits.per_chat)?;
            entry.held += tokens;
        }
        self.held += tokens;
        Ok(())
    }

    /// Ends a hold: the call cost `spent`, on the day on which it ended.
    pub(super) fn settle(&mut self, chat: Option<ChatId>, tokens: u64, spent: u64, now: Timestamp) {
        self.turn_day(now);
        self.held = self.held.saturating_sub(tokens);
        self.today = self.today.saturating_add(spent);
        if let Some(chat) = chat {
            let entry = self.chat(chat);
            entry.held = entry.held.saturating_sub(tokens);
            entry.spent = entry.spent.saturating_add(spent);
        }
    }

    /// A clock that goes back opens no second day.
    fn turn_day(&mut self, now: Timestamp) {
        let day = now.as_ms().div_euclid(DAY_MS);
        if day > self.day {
            self.day = day;
            self.today = 0;
        }
    }

    fn chat(&mut self, chat: ChatId) -> &mut Chat {
        self.uses += 1;
        if self.chats.len() >= CHATS_MAX && !self.chats.contains_key(&chat) {
            let idle = self.chats.iter().filter(|(_, entry)| entry.held == 0);
            let oldest = idle.min_by_key(|(_, entry)| entry.used_at);
            if let Some(oldest) = oldest.map(|(chat, _)| *chat) {
                self.chats.remove(&oldest);
            }
        }
        let entry = self.chats.entry(chat).or_default();
        entry.used_at = self.uses;
        entry
    }
}

fn check(spent: u64, held: u64, tokens: u64, limit: u64) -> Result<(), Exhausted> {
    let wanted = spent.saturating_add(held).saturating_add(tokens);
    if limit != 0 && wanted > limit {
        return Err(Exhausted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use shared::{id::ChatId, time::Timestamp};

    use super::{Budget, BudgetLimits, CHATS_MAX, DAY_MS, Exhausted};

    const LIMITS: BudgetLimits = BudgetLimits {
        per_chat: 1_000,
        per_day: 2_500,
    };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_795_132_800_000 + ms)
    }

    fn spend(budget: &mut Budget, chat: ChatId, spent: u64, now: Timestamp) -> bool {
        let held = budget.hold(Some(chat), spent, now, LIMITS).is_ok();
        if held {
            budget.settle(Some(chat), spent, spent, now);
        }
        held
    }

    #[test]
    fn a_chat_and_a_day_have_their_limits_and_midnight_in_utc_turns_the_day() {
        assert_eq!(at(0).as_ms() % DAY_MS, 0);
        let mut budget = Budget::default();
        let (one, two, three) = (ChatId(1), ChatId(2), ChatId(3));
        assert!(spend(&mut budget, one, 1_000, at(0)));
        assert!(!spend(&mut budget, one, 1, at(0)));
        assert!(spend(&mut budget, two, 1_000, at(0)));
        assert!(!spend(&mut budget, three, 501, at(DAY_MS - 1)));
        assert!(spend(&mut budget, three, 500, at(DAY_MS - 1)));
        assert_eq!(budget.today(at(DAY_MS - 1)), 2_500);
        assert_eq!(budget.today(at(DAY_MS)), 0);
        assert!(spend(&mut budget, three, 500, at(DAY_MS)));
        assert!(
            !spend(&mut budget, one, 1, at(DAY_MS)),
            "of a chat for good"
        );
        assert_eq!(budget.today(at(0)), 500, "a clock that went back");
    }

    #[test]
    fn calls_at_the_same_time_cannot_spend_the_same_tokens() {
        let mut budget = Budget::default();
        let chat = ChatId(1);
        assert_eq!(budget.hold(Some(chat), 600, at(0), LIMITS), Ok(()));
        assert_eq!(budget.hold(Some(chat), 600, at(0), LIMITS), Err(Exhausted));
        for _ in 0..3 {
            assert_eq!(budget.hold(None, 600, at(0), LIMITS), Ok(()));
        }
        assert_eq!(budget.hold(None, 600, at(0), LIMITS), Err(Exhausted));
        budget.settle(Some(chat), 600, 100, at(0));
        assert_eq!(budget.hold(Some(chat), 600, at(0), LIMITS), Ok(()));
        assert_eq!(budget.today(at(0)), 100);
    }

    #[test]
    fn a_restart_forgets_nothing_and_counts_nothing_twice() {
        let mut budget = Budget::default();
        let chat = ChatId(1);
        assert!(spend(&mut budget, chat, 100, at(0)));
        budget.restore(at(0), 2_000, [(chat, 900)]);
        assert_eq!(budget.today(at(0)), 2_100);
        assert!(!spend(&mut budget, chat, 1, at(0)));
    }

    #[test]
    fn zero_is_no_limit() {
        let mut budget = Budget::default();
        let free = BudgetLimits {
            per_chat: 0,
            per_day: 0,
        };
        assert!(budget.hold(None, u64::MAX / 2, at(0), free).is_ok());
        assert!(budget.hold(Some(ChatId(1)), 9, at(0), free).is_ok());
    }

    #[test]
    fn the_memory_of_chats_is_bounded_and_keeps_those_under_way() {
        let mut budget = Budget::default();
        let busy = ChatId(1);
        budget.hold(Some(busy), 400, at(0), LIMITS).unwrap();
        for number in 2..CHATS_MAX as u64 + 10 {
            budget.settle(Some(ChatId(number)), 0, 0, at(0));
        }
        assert_eq!(budget.chats.len(), CHATS_MAX);
        assert_eq!(budget.chats[&busy].held, 400);
    }
}
