//! From measurements to findings: pure, so that anybody who has the measurements comes to the same.

use super::{
    chips::{Chip, chip_of},
    fingerprint::{Rates, Verified},
    memory::{Memory, Refusal},
};
use gpu_probe::finding::{Check, Finding};
use std::time::Duration;

/// No chip is faster than its datasheet, but for clocks: some sell with higher ones.
const ABOVE: f64 = 1.1;
/// What share of a datasheet's figure an honest chip reaches at least with these kernels, hot and with its power capped.
const AT_LEAST: f64 = 0.3;
/// What share of its memory's bandwidth the memory challenge moves at least, times of hashing among it.
const CHALLENGE_AT_LEAST: f64 = 0.15;

/// Judges a memory challenge: `checked` is what came of its questions, `took` the time from seed to result by the inspector's clock, of
/// which `latency` may be the network's.
pub fn memory(
    name: &str,
    challenge: &Memory,
    took: Duration,
    latency: Duration,
    checked: Result<(), Refusal>,
) -> Finding {
    let check = Check::Memory;
    if let Err(refusal) = checked {
        return Finding::suspicious(check, 1000, format!("the answer is wrong: {refusal}"));
    }
    let (gigabytes, took) = (challenge.bytes() as f64 / 1e9, took.saturating_sub(latency).as_secs_f64());
    let rate = challenge.traffic() as f64 / took.max(1e-9);
    let reason = format!("{gigabytes:.1} GB filled and walked over in {took:.3} s, {:.2} TB/s", rate / 1e12);
    let Some(chip) = chip_of(name) else {
        return Finding::unknown(check, format!("{reason}; {name} is no chip known here"));
    };
    let (least, most) = (chip.memory * CHALLENGE_AT_LEAST, chip.memory * ABOVE);
    if rate < least {
        let reason = format!("{reason}: a {} moves at least {:.2}", chip.name, least / 1e12);
        Finding::suspicious(check, lacking(rate / least), reason)
    } else if rate > most && latency.is_zero() {
        let reason = format!("{reason}: more than a {} can", chip.name);
        Finding::suspicious(check, 800, reason)
    } else {
        Finding::consistent(check, reason)
    }
}

/// Judges a fingerprint of a chip that says it is called `name`.
pub fn fingerprint(name: &str, rates: &Rates, verified: Verified) -> Finding {
    let check = Check::Fingerprint;
    let reason = rates.to_string();
    if verified == Verified::Wrong {
        return Finding::suspicious(check, 1000, format!("results are wrong, work was skipped: {reason}"));
    }
    let Some(chip) = chip_of(name) else {
        return Finding::unknown(check, format!("{reason}; {name} is no chip known here"));
    };
    match beyond(chip, rates).or_else(|| odd_ratio(chip, rates)) {
        Some((score, why)) => Finding::suspicious(check, score, format!("{reason}; {why}")),
        None => Finding::consistent(check, reason),
    }
}

/// A speed that the datasheet's chip does not have: too high tells of a stronger one, too low of a weaker or a shared one.
fn beyond(chip: &Chip, rates: &Rates) -> Option<(u16, String)> {
    let speeds = [
        ("int8", rates.int8, chip.int8),
        ("fp16", rates.fp16, chip.fp16),
        ("memory", rates.memory, chip.memory),
    ];
    let found = speeds.into_iter().filter_map(|(what, speed, published)| {
        let share = speed / published;
        let why = format!("{what} is {:.0} % of a {}'s datasheet", share * 100.0, chip.name);
        match share {
            share if share > ABOVE => Some((1000, why)),
            share if share < AT_LEAST => Some((lacking(share / AT_LEAST), why)),
            _ => None,
        }
    });
    found.max_by_key(|(score, _)| *score)
}

/// A ratio that clocks and power caps do not explain, since all speeds would follow them.
fn odd_ratio(chip: &Chip, rates: &Rates) -> Option<(u16, String)> {
    let measured = chip.measured?;
    let names = ["int8", "fp16", "cache"];
    let found =
        names.into_iter().zip(rates.ratios()).zip(measured.ratios).filter_map(|((what, ratio), usual)| {
            let off = (ratio / usual - 1.0).abs();
            let score = (off / measured.tolerance * 250.0).min(1000.0) as u16;
            let why = format!("{what} to memory is {ratio:.1}, on a {} {usual:.1}", chip.name);
            (off > measured.tolerance).then_some((score, why))
        });
    found.max_by_key(|(score, _)| *score)
}

/// 500 just below what is least, 1000 at nothing.
fn lacking(share: f64) -> u16 {
    (1000.0 - 500.0 * share.clamp(0.0, 1.0)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu_probe::finding::Verdict;

    const H200: &str = "NVIDIA H200";

    fn rates() -> Rates {
        Rates { int8: 1.2e15, fp16: 6e14, memory: 4e12, cache: 7e12 }
    }

    fn memory_in(name: &str, seconds: f64, checked: Result<(), Refusal>) -> Finding {
        let challenge = Memory::filling(130_000_000_000, 8, [1; 32]).unwrap();
        memory(name, &challenge, Duration::from_secs_f64(seconds), Duration::ZERO, checked)
    }

    #[test]
    fn a_memory_challenge_in_time_is_consistent() {
        // 13 times 130 GB move: 0.35 s at an H200's full bandwidth.
        assert_eq!(memory_in(H200, 0.7, Ok(())).verdict, Verdict::Consistent);
        assert_eq!(memory_in("NVIDIA B200", 0.7, Ok(())).verdict, Verdict::Unknown);
    }

    #[test]
    fn late_too_early_or_wrong_memory_is_suspicious() {
        // Half of it on the other side of PCIe: 845 GB at 55 GB/s.
        let late = memory_in(H200, 15.4, Ok(()));
        assert!(late.verdict == Verdict::Suspicious && late.score > 900, "{late}");
        // Half of it made again and again.
        assert_eq!(memory_in(H200, 5.0, Ok(())).verdict, Verdict::Suspicious);
        // A relay to something stronger.
        assert_eq!(memory_in(H200, 0.2, Ok(())).verdict, Verdict::Suspicious);
        let wrong = memory_in(H200, 0.7, Err(Refusal::WrongBlock(7)));
        assert!(wrong.score == 1000 && wrong.reason.contains("block 7"), "{wrong}");
        assert_eq!(
            memory_in("NVIDIA B200", 0.7, Err(Refusal::Roots)).score,
            1000,
            "wrong is wrong on any chip"
        );
    }

    #[test]
    fn a_chip_that_is_what_it_says_is_consistent_and_an_unknown_one_unknown() {
        assert_eq!(fingerprint(H200, &rates(), Verified::Right).verdict, Verdict::Consistent);
        let unknown = fingerprint("NVIDIA B300", &rates(), Verified::Right);
        assert_eq!((unknown.verdict, unknown.score), (Verdict::Unknown, 0));
    }

    #[test]
    fn a_slower_card_that_says_it_is_faster_is_suspicious() {
        // What an L4 and an A100 can at best, called H200.
        let l4 = Rates { int8: 2.4e14, fp16: 1.2e14, memory: 0.3e12, cache: 2e12 };
        let a100 = Rates { int8: 6e14, fp16: 3e14, memory: 1.3e12, cache: 4e12 };
        for rates in [l4, a100] {
            let finding = fingerprint(H200, &rates, Verified::Right);
            assert!(finding.verdict == Verdict::Suspicious && finding.score >= 500, "{finding}");
        }
        // And the other way about: a relay to a stronger one.
        assert_eq!(fingerprint("NVIDIA L4", &rates(), Verified::Right).score, 1000);
        assert_eq!(fingerprint(H200, &rates(), Verified::Wrong).score, 1000);
    }

    #[test]
    fn ratios_are_compared_where_they_were_measured() {
        use crate::challenge::chips::Measured;
        let measured = Measured { ratios: rates().ratios(), tolerance: 0.1 };
        let chip = Chip { measured: Some(measured), ..*chip_of(H200).unwrap() };
        assert_eq!(odd_ratio(&chip, &rates()), None);
        // All of it slower by a power cap: ratios stay.
        let slower = Rates { int8: 6e14, fp16: 3e14, memory: 2e12, cache: 3.5e12 };
        assert_eq!(odd_ratio(&chip, &slower), None);
        let odd = Rates { fp16: 9e14, ..rates() };
        let (score, why) = odd_ratio(&chip, &odd).unwrap();
        assert!(score == 1000 && why.starts_with("fp16"), "{score} {why}");
    }
}
