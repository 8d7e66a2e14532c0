//! The hub: its address, its name, trust, version, login, rights, the socket and the clocks.

use std::time::{Duration, SystemTime};

use serde::de::IgnoredAny;
use shared::{
    api::{SystemStatus, WhoAmI},
    client::{
        error::ClientError,
        http::Http,
        outbox::Outbox,
        profile::Profile,
        socket::{Socket, SocketEvent, SocketOptions, StopReason},
    },
    error::ErrorCode,
    model::Role,
    time::Timestamp,
};

use crate::{print::items::word, run::doctor::Finding};

/// For each question.
const LIMIT: Duration = Duration::from_secs(10);
/// Clocks further apart than this make times look wrong.
const SKEW_MS_FEW: u64 = 5_000;
/// Further apart than this one-time passwords and tokens fail.
const SKEW_MS_MAX: u64 = 60_000;

pub(super) async fn look(profile: &Profile) -> Vec<Finding> {
    let mut findings = vec![named(profile).await];
    let reached = reached(profile).await;
    let is_there = reached.fix.is_none();
    findings.push(reached);
    if !is_there {
        findings.push(Finding::warn(
            "login",
            "not checked without a hub, nor rights, version, socket and clocks",
            "run it again when the hub can be reached",
        ));
        return findings;
    }
    let (login, me) = login(profile).await;
    findings.push(login);
    let Some(me) = me else {
        findings.push(Finding::warn(
            "socket",
            "not checked without a login, nor rights, version and clocks",
            "log in with: frontdesk-admin login",
        ));
        return findings;
    };
    findings.push(rights(me.user.role, profile.read_only));
    findings.extend(version(profile).await);
    findings.extend(socket(profile).await);
    findings
}

/// Whether the name of the hub is known.
async fn named(profile: &Profile) -> Finding {
    let from = match &profile.context {
        Some(name) => format!("{} (context {name})", profile.hub),
        None => profile.hub.to_string(),
    };
    let place = (profile.hub.host(), profile.hub.port());
    let addresses = tokio::time::timeout(LIMIT, tokio::net::lookup_host(place)).await;
    match addresses {
        Ok(Ok(addresses)) => {
            let number = addresses.count();
            Finding::ok("address", format!("{from}, addresses: {number}"))
        }
        Ok(Err(error)) => Finding::fail(
            "address",
            format!("{from}: {error}"),
            "check the name of the hub and the DNS of this machine",
        ),
        Err(_) => Finding::fail(
            "address",
            format!("{from}: no answer from DNS"),
            "check the DNS of this machine",
        ),
    }
}

/// Whether a hub answers there, and whether it can be trusted.
async fn reached(profile: &Profile) -> Finding {
    let http = match Http::new(&profile.hub, None, &profile.tls) {
        Ok(http) => http,
        Err(error) => return failed("tls", &error),
    };
    let answer = tokio::time::timeout(LIMIT, http.get::<IgnoredAny>("/readyz")).await;
    let how = match (profile.hub.is_secure(), &profile.tls.ca) {
        (false, _) => "in the clear, on this machine",
        (true, None) => "trusted by the system's authorities",
        (true, Some(_)) => "trusted by the named authority",
    };
    match answer {
        Ok(Ok(_)) => Finding::ok("hub", format!("answers, {how}, takes changes")),
        Ok(Err(error @ ClientError::Tls(_))) => failed("tls", &error),
        Ok(Err(error)) => Finding::fail(
            "hub",
            error.to_string(),
            "start it, or name another with --hub or --context",
        ),
        Err(_) => Finding::fail(
            "hub",
            format!("no answer within {} s", LIMIT.as_secs()),
            "check the address and what is between here and there",
        ),
    }
}

async fn login(profile: &Profile) -> (Finding, Option<WhoAmI>) {
    let fix = "log in with: frontdesk-admin login";
    let http = match profile.http() {
        Ok(http) => http,
        Err(error) if error.exit_code() == ErrorCode::Unauthenticated.exit_code() => {
            return (Finding::warn("login", error.to_string(), fix), None);
        }
        Err(error) => return (failed("login", &error), None),
    };
    let source = match profile.token {
        Some(_) => "a token in FRONTDESK_TOKEN",
        None => "a login",
    };
    match http.get::<WhoAmI>("/api/auth/me").await {
        Ok(me) => {
            let until = me.expires_at;
            let detail = format!("{} by {source}, until {until}", me.user.username);
            (Finding::ok("login", detail), Some(me))
        }
        Err(error) if error.code() == Some(ErrorCode::Unauthenticated) => {
            let detail = format!("{source} that the hub does not take: {error}");
            (Finding::fail("login", detail, fix), None)
        }
        Err(error) => (failed("login", &error), None),
    }
}

fn rights(role: Role, read_only: bool) -> Finding {
    let role_word = word(&role);
    let detail = format!("role {role_word}");
    match role {
        _ if read_only => Finding::warn(
            "rights",
            format!("{detail}; the context is read-only"),
            "allow changes with: frontdesk-admin context set NAME --read-only false",
        ),
        Role::Owner | Role::Admin => {
            Finding::ok("rights", format!("{detail}: may change the desk"))
        }
        _ => Finding::warn(
            "rights",
            format!("{detail}: may not change the desk"),
            "an owner or admin can give another role: frontdesk-admin user update NAME --role ROLE",
        ),
    }
}

async fn version(profile: &Profile) -> Option<Finding> {
    let own = env!("CARGO_PKG_VERSION");
    let status = profile.http().ok()?.get("/api/admin/system-status").await;
    let status: SystemStatus = match status {
        Ok(status) => status,
        Err(error) if error.code() == Some(ErrorCode::Forbidden) => {
            let fix = "ask an admin, who may see it";
            return Some(Finding::warn("version", "this role may not see it", fix));
        }
        Err(error) => return Some(failed("version", &error)),
    };
    let detail = format!("hub {}, this program {own}", status.version);
    if !status.writable {
        let why = status.storage.sentence().unwrap_or("it is read-only");
        let fix = "see the log of the hub, and free space where its disk is full";
        return Some(Finding::fail("version", format!("{detail}; {why}"), fix));
    }
    if let Some(why) = status.storage.sentence() {
        let fix = "free space on the disk of the hub; writing goes on by itself";
        return Some(Finding::warn("version", format!("{detail}; {why}"), fix));
    }
    Some(if status.version == own {
        Finding::ok("version", detail)
    } else {
        Finding::warn("version", detail, "use the same version on both sides")
    })
}

/// Whether the socket of the consoles can be opened, and how far the clocks are apart.
async fn socket(profile: &Profile) -> Vec<Finding> {
    let options = match profile.token_source() {
        Ok(token) => SocketOptions {
            url: profile.hub.clone(),
            tls: profile.tls.clone(),
            token,
            client: concat!("frontdesk-admin/", env!("CARGO_PKG_VERSION")).to_owned(),
            cursor: None,
            outbox: Outbox::in_memory(),
            watches: true,
        },
        Err(error) => return vec![failed("socket", &error)],
    };
    // Dropping the handle would end it.
    let (_handle, mut events) = match Socket::connect(options) {
        Ok(parts) => parts,
        Err(error) => return vec![failed("socket", &error)],
    };
    let fix = "let WebSockets through: a proxy must pass Upgrade and Connection on";
    let first = tokio::time::timeout(LIMIT, events.recv()).await;
    let why = match first {
        Ok(Some(SocketEvent::Connected { now, .. })) => {
            return vec![Finding::ok("socket", "a WebSocket opens"), clocks(now)];
        }
        Ok(Some(SocketEvent::Disconnected { why, .. })) => why,
        Ok(Some(SocketEvent::Stopped { why })) => match why {
            StopReason::Version { message } | StopReason::Forbidden { message } => message,
            StopReason::Revoked => "the login is over".to_owned(),
            StopReason::Replaced => "another program took its place".to_owned(),
        },
        Ok(_) => "it ended".to_owned(),
        Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
    };
    vec![Finding::fail("socket", why, fix)]
}

fn clocks(hub: Timestamp) -> Finding {
    let here = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let here_ms = i64::try_from(here.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    skew(here_ms, hub.as_ms())
}

fn skew(here_ms: i64, hub_ms: i64) -> Finding {
    let apart_ms = here_ms.abs_diff(hub_ms);
    let side = if here_ms > hub_ms {
        "ahead of"
    } else {
        "behind"
    };
    let detail = format!("this clock is {} s {side} the hub's", apart_ms / 1000);
    let fix = "set the clocks of both machines by NTP";
    match apart_ms {
        0..SKEW_MS_FEW => Finding::ok("clock", "less than 5 s from the hub's"),
        SKEW_MS_FEW..SKEW_MS_MAX => Finding::warn("clock", detail, fix),
        _ => Finding::fail("clock", detail, fix),
    }
}

fn failed(check: &'static str, error: &ClientError) -> Finding {
    let fix = error.hint().unwrap_or(match error {
        ClientError::Tls(_) => "name the authority of the hub with --ca FILE",
        ClientError::Profile(_) => "put that file right",
        _ => "try again; see the log of the hub if it stays",
    });
    Finding::fail(check, error.to_string(), fix)
}

#[cfg(test)]
mod tests {
    use super::skew;
    use crate::run::doctor::State;

    #[test]
    fn clocks_that_are_far_apart_are_told_with_their_side() {
        let now = 1_800_000_000_000;
        assert_eq!(skew(now, now + 4_999).state, State::Ok);
        let behind = skew(now, now + 7_000);
        assert_eq!(behind.state, State::Warn);
        assert_eq!(behind.detail, "this clock is 7 s behind the hub's");
        let ahead = skew(now + 3_600_000, now);
        assert_eq!(ahead.state, State::Fail);
        assert_eq!(ahead.detail, "this clock is 3600 s ahead of the hub's");
    }
}
