//! What `/metrics` tells of the assistant.

use std::fmt::{self, Write as _};

use shared::api::AssistantStatus;

/// States of the breaker, of which one is 1.
const BREAKER: [&str; 3] = ["closed", "open", "probing"];

/// Writes the numbers of the assistant in the Prometheus text format.
pub(super) fn assistant(text: &mut String, status: &AssistantStatus) -> fmt::Result {
    let counts = &status.counts;
    let counters = [
        (
            "conversations",
            "Conversations of the assistant.",
            counts.conversations,
        ),
        ("answered", "Answers of the assistant.", counts.answered),
        (
            "clarified",
            "Clarifications of the assistant.",
            counts.clarified,
        ),
        (
            "resolved_hard",
            "Conversations whose customer was helped.",
            counts.resolved_hard,
        ),
        (
            "resolved_soft",
            "Conversations that ended after an answer.",
            counts.resolved_soft,
        ),
        (
            "abandoned",
            "Conversations that ended before an answer.",
            counts.abandoned,
        ),
        (
            "reopened",
            "Resolved conversations that were reopened.",
            counts.reopened,
        ),
        (
            "deflected",
            "Conversations without a person's message.",
            counts.deflected,
        ),
        (
            "flagged",
            "Answers that staff called wrong.",
            counts.flagged,
        ),
        (
            "stale_dropped",
            "Answers that came too late, since the start.",
            status.stale_dropped,
        ),
        ("provider_tokens", "Tokens that models took.", counts.tokens),
        (
            "provider_milliseconds",
            "Milliseconds that models took.",
            counts.model_ms,
        ),
    ];
    for (name, help, value) in counters {
        let name = format!("frontdesk_assistant_{name}_total");
        write!(
            text,
            "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n"
        )?;
    }
    let name = "frontdesk_assistant_handoffs_total";
    write!(
        text,
        "# HELP {name} Chats handed to people.\n# TYPE {name} counter\n"
    )?;
    for (reason, count) in &counts.handed_off {
        writeln!(text, "{name}{{reason=\"{reason}\"}} {count}")?;
    }
    let name = "frontdesk_assistant_jobs_waiting";
    let waiting = status.jobs_waiting;
    write!(
        text,
        "# HELP {name} Messages due to be answered.\n# TYPE {name} gauge\n{name} {waiting}\n"
    )?;
    let Some(provider) = &status.provider else {
        return Ok(());
    };
    let calls = [
        (
            "calls",
            "Calls of the model since the start.",
            provider.calls,
        ),
        (
            "failures",
            "Calls that brought no answer.",
            provider.failures,
        ),
    ];
    for (name, help, value) in calls {
        let name = format!("frontdesk_assistant_provider_{name}_total");
        write!(
            text,
            "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n"
        )?;
    }
    let name = "frontdesk_assistant_provider_breaker";
    write!(
        text,
        "# HELP {name} Whether the model is asked.\n# TYPE {name} gauge\n"
    )?;
    for state in BREAKER {
        let is = u8::from(provider.breaker.as_str() == state);
        writeln!(text, "{name}{{state=\"{state}\"}} {is}")?;
    }
    Ok(())
}
