//! Hashing on real threads: what it costs, what is bounded, and what is given back.

use std::pin::pin;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;

use super::{HashError, PasswordHasher, QUEUE_MAX, StartError, Verdict, Work};
use crate::accounts::phc::{Cost, CostError, Costs, Holder, Phc};
use crate::accounts::secret::Password;

const RIGHT: Verdict = Verdict {
    ok: true,
    rehash: false,
};
const WRONG: Verdict = Verdict {
    ok: false,
    rehash: false,
};
const CHEAP: Costs = Costs {
    staff: Cost::FLOOR,
    customers: Cost::FLOOR,
};

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

#[tokio::test]
async fn a_hash_verifies_in_another_instance_and_by_the_library() {
    let secret = "a long pass phrase 🌻 with spaces";
    let phc = {
        let hasher = PasswordHasher::start(Costs::default(), 1, QUEUE_MAX).unwrap();
        hasher
            .hash(password(secret), Holder::Staff)
            .await
            .unwrap()
            .expose()
    };
    assert!(phc.starts_with("$argon2id$v=19$m=65536,t=3,p=4$"), "{phc}");
    let reference = PasswordHash::new(&phc).unwrap();
    assert_eq!(reference.salt.unwrap().as_ref().len(), 16);
    assert!(
        Argon2::default()
            .verify_password(secret.as_bytes(), &reference)
            .is_ok()
    );

    let hasher = PasswordHasher::start(Costs::default(), 2, QUEUE_MAX).unwrap();
    let stored = Phc::parse(&phc).unwrap();
    assert_eq!(stored.expose(), phc);
    let verify = async |text, stored| {
        hasher
            .verify(password(text), Holder::Staff, stored)
            .await
            .unwrap()
    };
    assert_eq!(verify(secret, Some(stored.clone())).await, RIGHT);
    assert_eq!(verify("a long pass phrase", Some(stored)).await, WRONG);
    assert_eq!(verify(secret, None).await, WRONG);
    let again = hasher.hash(password(secret), Holder::Staff).await.unwrap();
    assert_ne!(again.expose(), phc, "a salt was used twice");
}

#[tokio::test]
async fn a_weaker_hash_is_flagged_only_for_the_right_password() {
    let hasher = PasswordHasher::start(Costs::default(), 1, QUEUE_MAX).unwrap();
    let weak = hasher
        .hash(password("once a customer"), Holder::Customer)
        .await
        .unwrap();
    assert_eq!(weak.cost(), Cost::FLOOR);
    let verify = async |text, holder| {
        hasher
            .verify(password(text), holder, Some(weak.clone()))
            .await
            .unwrap()
    };
    assert_eq!(verify("once a customer", Holder::Customer).await, RIGHT);
    let found = verify("once a customer", Holder::StaffWithTotp).await;
    assert_eq!(
        found,
        Verdict {
            ok: true,
            rehash: true
        }
    );
    assert_eq!(verify("never a customer", Holder::Staff).await, WRONG);
}

/// S8: a dummy hash of the same cost.
#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let hasher = PasswordHasher::start(CHEAP, 1, QUEUE_MAX).unwrap();
    let stored = hasher
        .hash(password("the right one"), Holder::Staff)
        .await
        .unwrap();
    let fastest = async |stored: Option<Phc>| {
        let mut fastest = Duration::MAX;
        for _ in 0..7 {
            let started = Instant::now();
            let asked = hasher.verify(password("a wrong one"), Holder::Staff, stored.clone());
            assert_eq!(asked.await.unwrap(), WRONG);
            fastest = fastest.min(started.elapsed());
        }
        fastest
    };
    let (known, unknown) = (fastest(Some(stored)).await, fastest(None).await);
    // A ratio inside one run, wide enough for a busy machine; no hash at all is off by 100.
    let ratio = unknown.as_secs_f64() / known.as_secs_f64();
    assert!((0.4..2.5).contains(&ratio), "{unknown:?} against {known:?}");
}

/// S5: memory is bounded by the threads.
#[tokio::test]
async fn memory_is_one_buffer_a_thread() {
    let hasher = PasswordHasher::start(CHEAP, 2, QUEUE_MAX).unwrap();
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let hasher = hasher.clone();
            tokio::spawn(async move {
                hasher
                    .hash(password(&format!("secret {n}")), Holder::Staff)
                    .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(
        (1..=2).contains(&hasher.buffers_allocated()),
        "{}",
        hasher.buffers_allocated()
    );

    let single = PasswordHasher::start(CHEAP, 1, QUEUE_MAX).unwrap();
    let dear = PasswordHasher::start(Costs::default(), 1, QUEUE_MAX).unwrap();
    let stored = dear
        .hash(password("from dearer days"), Holder::Staff)
        .await
        .unwrap();
    let found = single
        .verify(password("from dearer days"), Holder::Staff, Some(stored))
        .await
        .unwrap();
    assert_eq!(found, RIGHT);
    assert_eq!(
        (single.buffers_allocated(), dear.buffers_allocated()),
        (1, 1)
    );
}

/// S5: what an idle hub keeps is nothing, and the next password finds memory again.
#[tokio::test]
async fn an_idle_hub_has_no_buffers() {
    let (hasher, workers) = PasswordHasher::prepare(CHEAP, 1, QUEUE_MAX).unwrap();
    let worker = &workers[0];
    for n in 1..=3 {
        assert!(worker.hash(&password("any password"), Cost::FLOOR).is_ok());
        assert!(worker.hash(&password("another one"), Cost::FLOOR).is_ok());
        assert_eq!(worker.spare().len(), 1);
        assert_eq!(
            hasher.buffers_allocated(),
            n,
            "used again while there is work"
        );
        worker.give_back();
        assert_eq!(worker.spare().len(), 0);
    }
}

/// S5: one more than the queue takes is refused at once.
#[tokio::test]
async fn the_queue_is_bounded_and_what_waits_is_served() {
    let (hasher, workers) = PasswordHasher::prepare(CHEAP, 1, QUEUE_MAX).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut waiting: Vec<_> = (0..QUEUE_MAX)
        .map(|_| Box::pin(hasher.verify(password("any"), Holder::Staff, None)))
        .collect();
    for future in &mut waiting {
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    let refused = hasher.hash(password("one too many"), Holder::Staff).await;
    assert!(
        matches!(
            refused,
            Err(HashError::Busy {
                retry_after_ms: 1_000
            })
        ),
        "{refused:?}"
    );

    let threads: Vec<_> = workers
        .into_iter()
        .map(|w| thread::spawn(move || w.run()))
        .collect();
    for future in waiting {
        assert_eq!(future.await.unwrap(), WRONG);
    }
    assert!(
        hasher
            .hash(password("room again"), Holder::Staff)
            .await
            .is_ok()
    );
    drop(hasher);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn what_nobody_waits_for_is_skipped() {
    let (hasher, workers) = PasswordHasher::prepare(CHEAP, 1, QUEUE_MAX).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut given_up = pin!(hasher.verify(password("any"), Holder::Staff, None));
        assert!(given_up.as_mut().poll(&mut context).is_pending());
    }
    let mut waiting = pin!(hasher.hash(password("any"), Holder::Staff));
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    let job = workers[0].next().unwrap();
    assert!(matches!(job.work, Work::Hash { .. }));
}

#[tokio::test]
async fn without_threads_the_answer_is_stopped() {
    let (hasher, workers) = PasswordHasher::prepare(CHEAP, 1, QUEUE_MAX).unwrap();
    let mut asked = pin!(hasher.hash(password("any"), Holder::Staff));
    assert!(
        asked
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(workers);
    assert!(matches!(asked.await, Err(HashError::Stopped)));
    let late = hasher.verify(password("any"), Holder::Staff, None).await;
    assert!(matches!(late, Err(HashError::Stopped)));
}

/// S4: a cost below the floor does not start.
#[test]
fn a_cost_below_the_floor_does_not_start() {
    let weak = Cost {
        memory_kib: 19_455,
        ..Cost::FLOOR
    };
    for costs in [
        Costs {
            staff: weak,
            ..CHEAP
        },
        Costs {
            customers: weak,
            ..CHEAP
        },
    ] {
        let refused = PasswordHasher::start(costs, 1, QUEUE_MAX);
        let Err(StartError::Cost(error)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(error, CostError::BelowFloor(weak));
    }
}

#[test]
fn debug_shows_no_secret() {
    let (hasher, _workers) = PasswordHasher::prepare(CHEAP, 1, 7).unwrap();
    let costs = "Costs { staff: m=19456,t=2,p=1, customers: m=19456,t=2,p=1 }";
    let expect = format!("PasswordHasher {{ costs: {costs}, threads: 1, queue: 7, .. }}");
    assert_eq!(format!("{hasher:?}"), expect);
}
