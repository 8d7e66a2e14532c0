//! Times as people write them: "2h", "9am", "tomorrow 9:30", "fri 14:00", "2026-12-01 10:00".
//! Pure: the present and the time zone come in, a moment goes out.

use jiff::{
    Span, Zoned,
    civil::{Date, Time, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};
use shared::time::Timestamp;
use thiserror::Error;

/// The hour of a day that is named without one.
const MORNING: Time = Time::constant(9, 0, 0, 0);
/// When the evening is, for those who plan.
const EVENING: Time = Time::constant(18, 0, 0, 0);
/// Nothing is put off for longer, in days.
const DAYS_MAX: i64 = 366;

/// Why a text is no time to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WhenError {
    /// It cannot be read.
    #[error("\"{0}\" is no time; write 2h, 9am, tomorrow 9:30, fri 14:00 or 2026-12-01 10:00")]
    Unreadable(String),
    /// It has been.
    #[error("\"{0}\" is over; name a later time")]
    Over(String),
    /// It is further away than anything is put off.
    #[error("\"{0}\" is more than a year away; name an earlier time")]
    Far(String),
}

/// The moment that `text` names when it is `now` in `zone`; none for the next reply.
///
/// A time without a day is the next one of that time; a day of the week the next one of that
/// name, today included while the time is ahead; a day without a time begins at 9:00. A time that
/// a clock change skips is as much later as the clock went on; of a time that comes twice, the
/// first that is ahead.
///
/// # Errors
/// [`WhenError`] for what cannot be read, is over, or is more than a year away.
pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Option<Timestamp>, WhenError> {
    let quoted = || text.trim().chars().take(40).collect::<String>();
    let lower = text.trim().to_lowercase();
    let line = lower.strip_prefix("until ").unwrap_or(&lower).trim();
    if matches!(line, "" | "reply" | "next reply" | "the next reply") {
        return Ok(None);
    }
    let here = zoned(now, zone);
    let at = match span(line) {
        Some(span) => here.checked_add(span).ok(),
        None => Some(moment(line, &here).ok_or_else(|| WhenError::Unreadable(quoted()))?),
    };
    let at = at.ok_or_else(|| WhenError::Far(quoted()))?;
    let last = here.checked_add(Span::new().days(DAYS_MAX));
    if at <= here {
        Err(WhenError::Over(quoted()))
    } else if last.is_ok_and(|last| at > last) {
        Err(WhenError::Far(quoted()))
    } else {
        Ok(Some(Timestamp::from_ms(at.timestamp().as_millisecond())))
    }
}

/// `at` as one says it when it is `now` in `zone`: the time, and the day unless it is today.
pub fn describe(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (zoned(at, zone), zoned(now, zone));
    let days = now
        .date()
        .until(at.date())
        .map_or(i32::MAX, |span| span.get_days());
    let form = match days {
        0 => "%H:%M",
        1..=6 => "%a %H:%M",
        _ => "%-d %b %H:%M",
    };
    at.strftime(form).to_string()
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Zoned {
    let moment = jiff::Timestamp::from_millisecond(at.as_ms()).unwrap_or_default();
    moment.to_zoned(zone.clone())
}

/// "2h", "1h30m", "in 20 minutes", "3 days"; days are days of the calendar.
fn span(line: &str) -> Option<Span> {
    let mut rest = line.strip_prefix("in ").unwrap_or(line).trim();
    let mut span = Span::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: i64 = rest[..digits].parse().ok()?;
        let after = rest[digits..].trim_start();
        let letters = after.find(|c: char| !c.is_ascii_lowercase());
        let (unit, tail) = after.split_at(letters.unwrap_or(after.len()));
        span = match unit {
            "m" | "min" | "mins" | "minute" | "minutes" => span.try_minutes(count),
            "h" | "hour" | "hours" => span.try_hours(count),
            "d" | "day" | "days" => span.try_days(count),
            "w" | "week" | "weeks" => span.try_weeks(count),
            _ => return None,
        }
        .ok()?;
        rest = tail.trim_start();
    }
    Some(span)
}

/// A day, a time, or both.
fn moment(line: &str, now: &Zoned) -> Option<Zoned> {
    let (first, rest) = match line.split_once([' ', 't']) {
        // "9t" or "tomorrow" begin with no date; only a date has its time after a "t".
        Some((first, rest)) if date(first).is_some() => (first, rest),
        _ => line.split_once(' ').unwrap_or((line, "")),
    };
    let rest = rest.trim();
    let rest = rest.strip_prefix("at ").unwrap_or(rest);
    if let Some(date) = date(first) {
        return on(date, time_or_morning(rest)?, now);
    }
    if let Some(weekday) = weekday(first) {
        let time = time_or_morning(rest)?;
        let days = i64::from(now.date().weekday().until(weekday));
        let next = |days| {
            on(
                now.date().checked_add(Span::new().days(days)).ok()?,
                time,
                now,
            )
        };
        return next(days).filter(|at| at > now).or_else(|| next(days + 7));
    }
    match (first, rest) {
        ("tomorrow", rest) => on(now.date().tomorrow().ok()?, time_or_morning(rest)?, now),
        ("today", rest) => on(now.date(), time(rest)?, now),
        ("evening", "") | ("this", "evening") => on(now.date(), EVENING, now),
        _ => {
            let clock = time(line).filter(|_| line.contains([':', 'm']))?;
            on(now.date(), clock, now)
                .filter(|at| at > now)
                .or_else(|| on(now.date().tomorrow().ok()?, clock, now))
        }
    }
}

/// That time of that day in the zone of `now`; of two, the first that is ahead.
fn on(date: Date, time: Time, now: &Zoned) -> Option<Zoned> {
    let both = now.time_zone().to_ambiguous_zoned(date.to_datetime(time));
    if let AmbiguousOffset::Fold { .. } = both.offset()
        && let Ok(first) = both.clone().earlier()
        && first <= *now
    {
        return both.later().ok();
    }
    both.compatible().ok()
}

fn date(word: &str) -> Option<Date> {
    let mut parts = word.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && year.len() == 4;
    whole.then_some(())?;
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn weekday(word: &str) -> Option<Weekday> {
    let days = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let named = |(name, _): &&(&str, Weekday)| word.len() >= 3 && name.starts_with(word);
    days.iter().find(named).map(|(_, day)| *day)
}

fn time_or_morning(text: &str) -> Option<Time> {
    if text.is_empty() {
        return Some(MORNING);
    }
    time(text)
}

/// "9", "9am", "9:30", "9:30 pm", "14:00".
fn time(text: &str) -> Option<Time> {
    let text = text.trim();
    let (clock, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (_, Some(clock)) => (clock, Some(12)),
        _ => (text, None),
    };
    let (hour, minute) = clock.trim().split_once(':').unwrap_or((clock.trim(), "00"));
    let number = |text: &str| {
        let digits = text.chars().all(|c| c.is_ascii_digit());
        (digits && text.len() <= 2).then(|| text.parse::<i8>().ok())?
    };
    let hour = match (number(hour)?, half) {
        (hour @ 1..=12, Some(half)) => hour % 12 + half,
        (_, Some(_)) => return None,
        (hour, None) => hour,
    };
    let minute = number(minute).filter(|_| minute.len() == 2)?;
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use shared::time::Timestamp;

    use super::{describe, parse};

    /// Middle Europe: an hour ahead of UTC, two from the last Sunday of March to that of October.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// What `text` names at `now`, in UTC to the minute, or the word of the error.
    fn named(text: &str, now: &str) -> String {
        match parse(text, at(now), &berlin()) {
            Ok(Some(moment)) => moment.to_string()[..16].to_owned(),
            Ok(None) => "reply".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Friday, 15:00 in Berlin.
    const FRIDAY: &str = "2026-11-20T14:00:00Z";

    #[test]
    fn times_are_read_as_people_write_them() {
        let cases = [
            ("", "reply"),
            ("next reply", "reply"),
            ("until the next reply", "reply"),
            ("20 minutes", "2026-11-20T14:20"),
            ("20m", "2026-11-20T14:20"),
            ("in 2h", "2026-11-20T16:00"),
            ("1h30m", "2026-11-20T15:30"),
            ("1 hour 5 min", "2026-11-20T15:05"),
            ("3 days", "2026-11-23T14:00"),
            ("1w", "2026-11-27T14:00"),
            ("9am", "2026-11-21T08:00"),
            ("9:30 PM", "2026-11-20T20:30"),
            ("12am", "2026-11-20T23:00"),
            ("12pm", "2026-11-21T11:00"),
            ("15:01", "2026-11-20T14:01"),
            ("15:00", "2026-11-21T14:00"),
            ("this evening", "2026-11-20T17:00"),
            ("today 16:15", "2026-11-20T15:15"),
            ("tomorrow", "2026-11-21T08:00"),
            ("tomorrow 9:30", "2026-11-21T08:30"),
            ("Tomorrow at 9", "2026-11-21T08:00"),
            ("fri 16:00", "2026-11-20T15:00"),
            ("fri 14:00", "2026-11-27T13:00"),
            ("monday 9:00", "2026-11-23T08:00"),
            ("tues", "2026-11-24T08:00"),
            ("2026-12-01 10:00", "2026-12-01T09:00"),
            ("2026-12-01T10:00", "2026-12-01T09:00"),
            ("2026-12-01", "2026-12-01T08:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(named(text, FRIDAY), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_time_to_wait_for_says_why() {
        let unreadable = [
            "9",
            "25:00",
            "9:5",
            "13pm",
            "0am",
            "soon",
            "fr 9",
            "tomorrow noonish",
            "2h ago",
            "h",
            "2026-13-01",
            "today",
            "-2h",
            "1:00:00",
            "\u{661}h",
        ];
        for text in unreadable {
            let error = named(text, FRIDAY);
            assert!(error.contains("is no time; write 2h"), "{text:?}: {error}");
        }
        for text in ["today 9:00", "2026-11-20 15:00", "2025-01-01", "0m"] {
            assert_eq!(
                named(text, FRIDAY),
                format!("\"{text}\" is over; name a later time")
            );
        }
        for text in ["2028-01-01", "400 days", "9999999999999999h"] {
            let error = named(text, FRIDAY);
            assert!(!error.starts_with("20"), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_clock_goes_forward() {
        // On 29 March 2026 there is no time from 2:00 to 3:00.
        let before = "2026-03-28T12:00:00Z";
        assert_eq!(named("tomorrow 2:30", before), "2026-03-29T01:30");
        assert_eq!(named("tomorrow 9:00", before), "2026-03-29T07:00");
        // A day of the calendar has 23 hours then; hours stay hours.
        assert_eq!(named("1 day", before), "2026-03-29T11:00");
        assert_eq!(named("24h", before), "2026-03-29T12:00");
    }

    #[test]
    fn the_clock_goes_back() {
        // On 25 October 2026 the hour from 2:00 to 3:00 comes twice: 0:00 and 1:00 in UTC.
        assert_eq!(named("2:30am", "2026-10-24T20:00:00Z"), "2026-10-25T00:30");
        assert_eq!(named("2:30am", "2026-10-25T00:45:00Z"), "2026-10-25T01:30");
        assert_eq!(named("2:30am", "2026-10-25T01:45:00Z"), "2026-10-26T01:30");
        assert_eq!(named("1d", "2026-10-24T12:00:00Z"), "2026-10-25T13:00");
    }

    #[test]
    fn a_moment_is_said_as_shortly_as_it_is_clear() {
        let say = |moment: &str| describe(at(moment), at(FRIDAY), &berlin());
        assert_eq!(say("2026-11-20T17:00:00Z"), "18:00");
        assert_eq!(say("2026-11-20T23:30:00Z"), "Sat 00:30");
        assert_eq!(say("2026-11-27T08:00:00Z"), "27 Nov 09:00");
    }

    #[test]
    fn nothing_that_is_typed_panics() {
        use proptest::prelude::{any, proptest};
        proptest!(|(text in "\\PC{0,24}", ms in any::<i64>())| {
            drop(parse(&text, Timestamp::from_ms(ms), &berlin()));
        });
        proptest!(|(text in "[0-9mhdpt: -]{0,12}", ms in any::<i64>())| {
            drop(parse(&text, Timestamp::from_ms(ms), &berlin()));
        });
    }
}
