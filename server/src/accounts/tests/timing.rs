//! S8: what a refused login takes tells nothing about the name. By count always; by time in the
//! long form, which wants a quiet machine.

use std::time::Instant;

use shared::model::Role;

use super::fixture::{House, OTHER_PASSWORD, PASSWORD, owned_house};

/// How long `count` refused logins of each of two kinds took, in turns, in seconds.
async fn samples(house: &House, count: usize, pair: [(&str, &str); 2]) -> [Vec<f64>; 2] {
    let mut taken = [Vec::with_capacity(count), Vec::with_capacity(count)];
    for _ in 0..count {
        for (kind, (username, password)) in pair.into_iter().enumerate() {
            // Each beginning anew: waits are another test's.
            house.forget_guesses();
            let start = Instant::now();
            assert!(house.login(username, password).await.is_err());
            taken[kind].push(start.elapsed().as_secs_f64());
        }
    }
    taken
}

fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// How far apart two samples are, in standard deviations of the Mann-Whitney statistic: beyond
/// 2.58 with a chance of one in a hundred where they are of one kind.
fn mann_whitney_z(a: &[f64], b: &[f64]) -> f64 {
    let mut above = 0.0;
    for x in a {
        for y in b {
            above += match x.total_cmp(y) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    let (n, m) = (a.len() as f64, b.len() as f64);
    (above - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// S8: an unknown name, a disabled user and a wrong password take the same. `FRONTDESK_LONG=1`
/// takes 200 samples of each, and holds them to 5 % and to Mann-Whitney.
#[tokio::test]
async fn a_refused_login_takes_as_long_whatever_is_wrong() {
    let long = std::env::var_os("FRONTDESK_LONG").is_some();
    let count = if long { 200 } else { 15 };
    let (house, owner) = owned_house().await;
    let disabled = house.hire(&owner, Role::Agent, "dora").await;
    house.disable(&owner, disabled.user.id).await;
    let wrong = ("olga", OTHER_PASSWORD);
    for (what, other) in [
        ("unknown", ("nobody", OTHER_PASSWORD)),
        ("disabled", ("dora", PASSWORD)),
    ] {
        let [a, b] = samples(&house, count, [wrong, other]).await;
        let ratio = median(&b) / median(&a);
        let z = mann_whitney_z(&a, &b);
        report(&format!(
            "S8: {what} against a wrong password: {count} samples each, medians {ratio:.3}, z {z:.2}"
        ));
        // Without a hash it would be off by a hundred.
        let bounds = if long { 0.95..1.05 } else { 0.4..2.5 };
        assert!(bounds.contains(&ratio), "{what}: {ratio}");
        assert!(!long || z.abs() < 2.58, "{what}: {z}");
    }
}

#[test]
fn the_statistic_sees_a_difference() {
    let quick: Vec<f64> = (0..50).map(|n| f64::from(n) / 50.0).collect();
    let slow: Vec<f64> = quick.iter().map(|x| x + 0.5).collect();
    assert!(mann_whitney_z(&quick, &quick).abs() < 0.01);
    assert!(mann_whitney_z(&slow, &quick) > 4.0);
}

#[expect(clippy::print_stderr, reason = "a figure of a test")]
fn report(figure: &str) {
    eprintln!("{figure}");
}
