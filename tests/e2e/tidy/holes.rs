//! The holes of the systems before this one and the lessons of others' advisories, each with the
//! tests that show it is not here. A test that is renamed or gone is noticed.
//!
//! Absent on purpose: the tests themselves.

use super::source::{all_sources, has_word};
use super::{Violation, assert_tidy};

/// A number of one of the lists, what was wrong there, and what shows that it is not here.
type Shown = (u8, &'static str, &'static [(&'static str, &'static str)]);

/// The holes of the seeds, as their list numbers them.
const HOLES: [Shown; 14] = [
    (
        1,
        "a secret key in the source forges a super admin's cookie",
        &[
            (
                "tests/e2e/access.rs",
                "only_a_good_token_lets_in_and_only_in_its_header",
            ),
            (
                "server/src/accounts/tests/sessions.rs",
                "only_tokens_that_were_given_out_open_anything",
            ),
        ],
    ),
    (
        2,
        "whoever knows or picks a session id writes into it or wipes it",
        &[
            (
                "tests/e2e/access.rs",
                "a_foreign_chat_is_one_that_is_not_there",
            ),
            ("tests/e2e/matrix.rs", "no_body_reaches_a_foreign_thing"),
        ],
    ),
    (
        3,
        "text of an anonymous customer runs in the pages of agents and admins",
        &[(
            "tests/e2e/hostile_text.rs",
            "hostile_text_is_clean_wherever_it_comes_out",
        )],
    ),
    (
        4,
        "agents forge each other, answer any chat and read others' numbers",
        &[
            (
                "tests/e2e/bad_input.rs",
                "what_the_hub_says_cannot_be_said_for_it",
            ),
            (
                "tests/e2e/matrix.rs",
                "no_frame_and_no_body_takes_a_field_of_the_hub",
            ),
            ("tests/e2e/matrix.rs", "no_command_reaches_a_foreign_thing"),
        ],
    ),
    (
        5,
        "analytics, hours and feedback without a login, and any origin",
        &[
            (
                "tests/e2e/access.rs",
                "who_is_nobody_may_do_what_the_list_says_and_no_more",
            ),
            (
                "tests/e2e/sockets.rs",
                "a_page_from_elsewhere_opens_no_socket",
            ),
        ],
    ),
    (
        6,
        "a debugger on every address, default accounts, cookies in the log",
        &[
            (
                "tests/e2e/access.rs",
                "who_is_nobody_may_do_what_the_list_says_and_no_more",
            ),
            (
                "tests/e2e/start.rs",
                "settings_that_make_no_sense_are_named",
            ),
            (
                "tests/e2e/logs.rs",
                "every_line_is_json_and_no_secret_is_in_any",
            ),
        ],
    ),
    (
        7,
        "no limit of rate, body or frame, no throttle, no rules of passwords, no end of sessions",
        &[
            ("tests/e2e/doors.rs", "a_forged_address_escapes_no_limit"),
            (
                "server/src/http/tests/bounds.rs",
                "a_body_too_large_is_refused_before_it_is_read",
            ),
            (
                "tests/e2e/frames.rs",
                "an_illegal_frame_ends_its_socket_and_no_other",
            ),
            (
                "server/src/accounts/throttle.rs",
                "no_hour_sees_more_than_30_guesses_at_an_account",
            ),
            ("server/src/accounts/policy.rs", "the_table_of_judgements"),
        ],
    ),
    (
        8,
        "no authentication: ids in the query, forged senders, stolen sockets, open registration",
        &[
            (
                "tests/e2e/access.rs",
                "who_is_nobody_may_do_what_the_list_says_and_no_more",
            ),
            ("tests/e2e/frames.rs", "a_bad_beginning_is_told_and_ends"),
            (
                "tests/e2e/matrix.rs",
                "no_other_frame_reaches_a_foreign_chat",
            ),
        ],
    ),
    (
        9,
        "passwords in clear text, a database without one, a login that tells who exists",
        &[
            (
                "server/src/accounts/tests/entry.rs",
                "every_failed_login_reads_the_same_and_costs_one_hash",
            ),
            (
                "server/src/accounts/tests/secrets.rs",
                "accounts_outlive_a_restart_and_secrets_are_nowhere",
            ),
        ],
    ),
    (
        10,
        "a remote crash, and a panic under normal load",
        &[
            (
                "tests/e2e/fuzz.rs",
                "poison_from_a_customer_ends_nothing_but_its_own_socket",
            ),
            ("server/src/http/serve.rs", "a_panic_stays_in_its_request"),
        ],
    ),
    (
        11,
        "lists of any customer's name, e-mail and chats, under ids that can be guessed",
        &[
            ("tests/e2e/matrix.rs", "no_route_reaches_a_foreign_thing"),
            (
                "tests/e2e/access.rs",
                "a_foreign_chat_is_one_that_is_not_there",
            ),
        ],
    ),
    (
        12,
        "no login for chats, sender and chat from the body, shared passwords",
        &[
            (
                "tests/e2e/bad_input.rs",
                "what_the_hub_says_cannot_be_said_for_it",
            ),
            (
                "tests/e2e/access.rs",
                "who_is_nobody_may_do_what_the_list_says_and_no_more",
            ),
        ],
    ),
    (
        13,
        "open registration of admins, tokens in URLs, public histories, claims in any state",
        &[
            (
                "tests/e2e/access.rs",
                "only_a_good_token_lets_in_and_only_in_its_header",
            ),
            (
                "tests/e2e/access.rs",
                "a_foreign_chat_is_one_that_is_not_there",
            ),
            (
                "server/src/accounts/tests/entry.rs",
                "whoever_registers_is_a_customer",
            ),
            (
                "server/src/desk/tests/permission.rs",
                "owning_a_chat_opens_what_needs_it",
            ),
        ],
    ),
    (
        14,
        "no idempotence, no order, no acknowledgement, no replay, no audit of admins",
        &[
            (
                "tests/e2e/sockets.rs",
                "more_commands_than_may_wait_keep_their_order",
            ),
            (
                "tests/e2e/sockets.rs",
                "a_slow_reader_is_sent_away_and_misses_nothing",
            ),
            (
                "tests/e2e/frames.rs",
                "a_cursor_of_another_past_gives_the_whole_view_anew",
            ),
        ],
    ),
];

/// What others' advisories taught, as their list numbers them.
const LESSONS: [Shown; 18] = [
    (
        1,
        "web pages of elsewhere take a socket over",
        &[
            (
                "tests/e2e/sockets.rs",
                "a_page_from_elsewhere_opens_no_socket",
            ),
            (
                "server/src/http/upgrade.rs",
                "every_wrong_handshake_gets_its_status",
            ),
        ],
    ),
    (
        2,
        "memory is taken before a frame or header is judged",
        &[
            (
                "tests/e2e/frames.rs",
                "an_illegal_frame_ends_its_socket_and_no_other",
            ),
            (
                "server/src/http/listener.rs",
                "the_header_has_64_lines_and_16_kib_at_most",
            ),
            (
                "server/src/http/upgrade.rs",
                "a_frame_over_the_limit_closes_before_its_payload_is_sent",
            ),
        ],
    ),
    (
        3,
        "a handler outside of what authenticates",
        &[
            (
                "tests/e2e/access.rs",
                "who_is_nobody_may_do_what_the_list_says_and_no_more",
            ),
            ("server/src/http/route.rs", "only_these_paths_need_no_token"),
        ],
    ),
    (
        4,
        "a chat by its number",
        &[
            ("tests/e2e/matrix.rs", "no_command_reaches_a_foreign_thing"),
            ("tests/e2e/matrix.rs", "no_route_reaches_a_foreign_thing"),
        ],
    ),
    (
        5,
        "forged read receipts",
        &[(
            "tests/e2e/frames.rs",
            "a_wrong_command_gets_its_nack_and_the_socket_lives",
        )],
    ),
    (
        6,
        "fields that only the server may set",
        &[(
            "tests/e2e/matrix.rs",
            "no_frame_and_no_body_takes_a_field_of_the_hub",
        )],
    ),
    (
        7,
        "events for those who are no members",
        &[
            ("tests/e2e/sockets.rs", "ten_thousand_records_reach_no_spy"),
            (
                "tests/e2e/matrix.rs",
                "no_other_frame_reaches_a_foreign_chat",
            ),
        ],
    ),
    (
        8,
        "sessions that outlive logout or disabling",
        &[("tests/e2e/sockets.rs", "an_ended_session_has_no_socket")],
    ),
    (
        9,
        "invitations that stay good, accounts taken before their owner comes",
        &[
            (
                "server/src/accounts/tests/staff.rs",
                "every_dead_code_reads_the_same",
            ),
            (
                "server/src/accounts/tests/staff.rs",
                "an_older_invitation_cannot_take_a_user_over",
            ),
        ],
    ),
    (
        10,
        "queries that are programs",
        &[("tests/e2e/doors.rs", "a_query_is_words_and_numbers")],
    ),
    (
        11,
        "defaults that are too generous",
        &[
            (
                "server/src/accounts/rate.rs",
                "the_defaults_of_the_limits_hold",
            ),
            (
                "tests/e2e/doors.rs",
                "a_thousand_idle_connections_of_one_address_keep_nobody_out",
            ),
            (
                "tests/e2e/doors.rs",
                "what_trickles_ends_and_keeps_nobody_out",
            ),
        ],
    ),
    (
        12,
        "secrets compared in a time that tells",
        &[(
            "server/src/accounts/tests/entry.rs",
            "every_failed_login_reads_the_same_and_costs_one_hash",
        )],
    ),
    (
        13,
        "escape sequences in terminals and logs",
        &[
            (
                "tests/e2e/hostile_text.rs",
                "hostile_text_is_clean_wherever_it_comes_out",
            ),
            (
                "tests/e2e/logs.rs",
                "every_line_is_json_and_no_secret_is_in_any",
            ),
        ],
    ),
    (
        14,
        "senders forged in a terminal client",
        &[
            (
                "tests/e2e/bad_input.rs",
                "what_the_hub_says_cannot_be_said_for_it",
            ),
            (
                "shared/src/text/names.rs",
                "customers_cannot_pose_as_the_desk",
            ),
        ],
    ),
    (
        15,
        "secrets that stay where they were for a moment",
        &[(
            "server/src/accounts/tests/secrets.rs",
            "accounts_outlive_a_restart_and_secrets_are_nowhere",
        )],
    ),
    (
        16,
        "lists and sessions without a bound",
        &[
            ("tests/e2e/doors.rs", "a_query_is_words_and_numbers"),
            (
                "server/src/accounts/tests/sessions.rs",
                "the_11th_session_ends_the_oldest",
            ),
        ],
    ),
    (
        17,
        "bugs of the stack below",
        &[
            (
                "tests/e2e/tidy/deploy.rs",
                "the_supply_chain_is_listed_and_bounded",
            ),
            (
                "tests/e2e/tls.rs",
                "another_host_and_an_old_version_get_nowhere",
            ),
        ],
    ),
    (
        18,
        "counting by one too many when resuming",
        &[
            (
                "tests/e2e/frames.rs",
                "a_cursor_of_another_past_gives_the_whole_view_anew",
            ),
            (
                "tests/e2e/sockets.rs",
                "a_slow_reader_is_sent_away_and_misses_nothing",
            ),
        ],
    ),
];

#[test]
fn every_hole_and_every_lesson_has_its_tests() {
    let sources = all_sources();
    let mut violations = Vec::new();
    for (list, shown) in [("hole", &HOLES[..]), ("lesson", &LESSONS[..])] {
        for (at, (number, what, tests)) in shown.iter().enumerate() {
            assert_eq!(usize::from(*number), at + 1, "{list}s are numbered from 1");
            assert!(!tests.is_empty(), "{list} {number} ({what}) has no test");
            for (path, name) in *tests {
                let source = sources.iter().find(|source| source.path == *path);
                let line = source.and_then(|source| {
                    let declares = |line: &str| line.contains("fn ") && has_word(line, name);
                    let mut lines = source.lines();
                    lines.find(|(_, line, in_test)| *in_test && declares(line))
                });
                if line.is_none() {
                    let gone = format!("{list} {number} names the test {name}, which is not here");
                    violations.push(Violation::new(path, 0, gone));
                }
            }
        }
    }
    assert_tidy(violations);
}
