//! Records for people and programs.

use crate::{gap::Length, views::words};
use attest::{
    Record,
    record::{Activity, Body, GapReason, GpuDetail, Outcome, Snapshot},
};
use serde::Serialize;
use serde_json::{Value, json};

/// A record as JSON; hashes and keys in hex.
pub fn value(record: &Record) -> Value {
    json!({
        "seq": record.seq,
        "time_ms": record.time_ms,
        "boot": record.boot,
        "kind": kind(&record.body),
        "body": body(&record.body),
    })
}

/// A body's kind.
pub const fn kind(body: &Body) -> &'static str {
    match body {
        Body::Join(_) => "join",
        Body::Chip(_) => "chip",
        Body::Boot(_) => "boot",
        Body::Activity(_) => "activity",
        Body::Anchor(_) => "anchor",
        Body::Gap(_) => "gap",
        Body::Drill(_) => "drill",
        Body::Finding(_) => "finding",
        Body::GpuDetail(_) => "gpu-detail",
        Body::GpuReport(_) => "gpu-report",
        Body::Snapshot(_) => "snapshot",
        Body::Unknown { .. } => "unknown",
    }
}

fn body(body: &Body) -> Value {
    match body {
        Body::Join(body) => plain(body),
        Body::Chip(body) => plain(body),
        Body::Boot(body) => plain(body),
        Body::Activity(body) => plain(body),
        Body::Anchor(body) => plain(body),
        Body::Gap(body) => plain(body),
        Body::Drill(body) => plain(body),
        Body::Finding(body) => plain(body),
        Body::GpuDetail(body) => plain(body),
        Body::GpuReport(body) => plain(body),
        Body::Snapshot(body) => plain(body),
        Body::Unknown { tag, bytes } => json!({ "tag": tag, "bytes": hex::encode(bytes) }),
    }
}

fn plain(body: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(body).unwrap_or(Value::Null);
    hashes_in_hex(&mut value);
    value
}

fn hashes_in_hex(value: &mut Value) {
    if let Some(text) = as_hex(value) {
        *value = Value::String(text);
    } else if let Value::Object(fields) = value {
        fields.values_mut().for_each(hashes_in_hex);
    }
}

/// 32 bytes come as a list of numbers.
fn as_hex(value: &Value) -> Option<String> {
    let numbers = value.as_array().filter(|numbers| numbers.len() == 32)?;
    let bytes: Option<Vec<u8>> =
        numbers.iter().map(|number| number.as_u64().and_then(|number| u8::try_from(number).ok())).collect();
    bytes.map(hex::encode)
}

/// A record on one line.
pub fn line(record: &Record) -> String {
    format!(
        "{:>8}  {}  {:8}  {}",
        record.seq,
        time(record.time_ms),
        kind(&record.body),
        summary(&record.body)
    )
}

fn summary(body: &Body) -> String {
    match body {
        Body::Join(join) => format!("machine {} kernel {}", short(&join.machine), join.kernel),
        Body::Chip(chip) => format!("{:?} {} {} {:?}", chip.kind, chip.index, chip.name, chip.state),
        Body::Boot(boot) => {
            format!("PCRs {} device key {}", short(&boot.pcr_digest), short(&boot.device_key))
        }
        Body::Activity(activity) => activity_line(activity),
        Body::Anchor(anchor) => {
            format!("counter {} size {} root {}", anchor.counter, anchor.size, short(&anchor.root))
        }
        Body::Gap(gap) if gap.from_ms == gap.to_ms => format!("{:?}, in order", gap.reason),
        Body::Gap(gap) => match Length::of(gap) {
            Length::Known(ms) => format!("{:?}, {} s", gap.reason, ms / 1000),
            length => format!("{:?}, {length}", gap.reason),
        },
        Body::Drill(drill) => format!(
            "task {} worth {}, {} ms on {} threads",
            short(&drill.task),
            words::ut(drill.micro_ut),
            drill.span_ms,
            drill.threads
        ),
        Body::Finding(found) => {
            let challenge =
                found.challenge.map(|challenge| format!(" (drawn by {})", short(&challenge.draw)));
            format!(
                "GPU {} {:?}: {:?}, {} of 1000: {}{}",
                found.gpu,
                found.check,
                found.verdict,
                found.score,
                found.reason,
                challenge.unwrap_or_default()
            )
        }
        Body::GpuDetail(detail) => format!("GPU {}, {}", detail.gpu, details(detail)),
        Body::GpuReport(report) => {
            format!("GPU {} reported {} over {}", report.gpu, short(&report.report), short(&report.nonce))
        }
        Body::Snapshot(snapshot) => snapshot_line(snapshot),
        Body::Unknown { tag, bytes } => format!("tag {tag}, {} bytes", bytes.len()),
    }
}

fn snapshot_line(snapshot: &Snapshot) -> String {
    let block = snapshot.block_number;
    let watch = match snapshot.job == evidence::challenge::watch() {
        false => format!("job {}", short(&snapshot.job)),
        true => "challenges".into(),
    };
    let told = match &snapshot.outcome {
        Outcome::Watching => {
            format!("watched after block {block}, a draw in {} blocks", snapshot.mean_blocks)
        }
        Outcome::Ended => format!("not watched any more after block {block}"),
        Outcome::Taken(weights) => {
            format!("drawn by block {block}: {}, {} bytes", short(&weights.digest), weights.size)
        }
        Outcome::Unchanged(weights) => {
            format!("drawn by block {block}: {} as before", short(&weights.digest))
        }
        Outcome::Missed(why) => format!("drawn by block {block}, no digest: {}", why.name()),
        Outcome::Unwatched { from } => format!("nobody looked at blocks {from} to {block}"),
    };
    format!("{watch} {told}")
}

/// A gap's reason.
pub const fn reason(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Stopped => "stopped",
        GapReason::Crashed => "crashed",
        GapReason::ClockJump => "clock-jump",
        GapReason::Sensors => "sensors",
        GapReason::DiskFull => "disk-full",
        GapReason::LogLost => "log-lost",
    }
}

fn activity_line(window: &Activity) -> String {
    format!("{:?} {}, {}", window.kind, window.index, activity(window))
}

/// What a window tells.
pub fn activity(activity: &Activity) -> String {
    let mut line = format!("{} s", activity.span_ms / 1000);
    if let Some(utilisation) = activity.utilisation {
        line += &format!(", {} % busy", words::percent(utilisation));
    }
    if let Some(power) = activity.power_mw {
        line += &format!(", {} W", power / 1000);
    }
    if let Some(celsius) = activity.temperature {
        line += &format!(", {celsius} °C");
    }
    if activity.failed > 0 {
        line += &format!(", {} of {} samples failed", activity.failed, activity.samples);
    }
    line
}

/// What a GPU tells besides; what it does not tell is left out.
fn details(detail: &GpuDetail) -> String {
    let percent = |what: &str, share: Option<u16>| Some(format!(", {what} {} %", words::percent(share?)));
    let xids = detail.xids.as_ref().filter(|xids| !xids.is_empty());
    let parts = [
        percent("16-bit tensors", detail.tensor_half),
        percent("integer tensors", detail.tensor_integer),
        percent("bandwidth", detail.memory_bandwidth),
        detail.nvlinks.map(|all| match detail.nvlinks_active {
            Some(active) => format!(", {active} of {all} NVLinks up"),
            None => format!(", {all} NVLinks"),
        }),
        detail
            .ecc_corrected
            .filter(|errors| *errors > 0)
            .map(|errors| format!(", {errors} errors corrected")),
        detail.parts.filter(|parts| *parts > 0).map(|parts| format!(", in {parts} parts")),
        xids.map(|xids| format!(", XID {xids:?}")),
    ];
    format!("{} s{}", detail.span_ms / 1000, parts.into_iter().flatten().collect::<String>())
}

/// The beginning of a hash.
pub fn short(hash: &[u8; 32]) -> String {
    let [a, b, c, d, e, f, ..] = *hash;
    hex::encode([a, b, c, d, e, f])
}

/// UTC, to the second: `2026-11-24 16:04:05` (days to a civil date by H. Hinnant's algorithm).
pub fn time(ms: u64) -> String {
    let (days, second) = (ms / 86_400_000, ms / 1000 % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::record::{Boot, Challenge, Check, Finding, Gap, Miss, Verdict, Weights, text};

    #[test]
    fn times_are_civil() {
        assert_eq!(time(0), "1970-01-01 00:00:00");
        assert_eq!(time(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(time(1_700_000_000_000), "2023-11-14 22:13:20");
        assert_eq!(time(u64::MAX).len(), "584556019-04-03 14:25:51".len());
    }

    #[test]
    fn hashes_are_hex_and_numbers_numbers() {
        let boot = Boot { boot_id: [1; 32], pcr_selection: 149, pcr_digest: [2; 32], device_key: [3; 32] };
        let value = value(&Record { seq: 1, time_ms: 2, boot: 3, body: Body::Boot(boot) });
        assert_eq!(value["body"]["boot_id"], "01".repeat(32));
        assert_eq!(value["body"]["pcr_selection"], 149);
    }

    #[test]
    fn a_detail_tells_what_is_there() {
        let nothing = GpuDetail::nothing(1, 0, 60_000);
        assert_eq!(summary(&Body::GpuDetail(nothing.clone())), "GPU 1, 60 s");
        let told = GpuDetail {
            nvlinks: Some(18),
            nvlinks_active: Some(17),
            xids: Some([79].into_iter().collect()),
            ..nothing
        };
        assert_eq!(summary(&Body::GpuDetail(told)), "GPU 1, 60 s, 17 of 18 NVLinks up, XID [79]");
    }

    #[test]
    fn a_snapshot_is_told_in_words_and_numbers() {
        let weights = Weights { digest: [5; 32], size: 9, modified_ms: 1, behind: 0, span_ms: 2 };
        let of = |outcome| {
            Body::Snapshot(Snapshot {
                job: [4; 32],
                mean_blocks: 100,
                block_number: 7,
                block_hash: [6; 32],
                outcome,
            })
        };
        let taken = of(Outcome::Taken(weights));
        assert_eq!(summary(&taken), "job 040404040404 drawn by block 7: 050505050505, 9 bytes");
        assert_eq!(body(&taken)["outcome"]["Taken"]["digest"], "05".repeat(32));
        let torn = of(Outcome::Missed(Miss::Torn));
        assert_eq!(summary(&torn), "job 040404040404 drawn by block 7, no digest: torn");
        assert_eq!(body(&torn)["outcome"]["Missed"], Miss::Torn.name());
    }

    #[test]
    fn what_a_drawn_challenge_found_is_told_with_its_draw() {
        let watching = Body::Snapshot(Snapshot {
            job: evidence::challenge::watch(),
            mean_blocks: 100,
            block_number: 7,
            block_hash: [6; 32],
            outcome: Outcome::Watching,
        });
        assert_eq!(summary(&watching), "challenges watched after block 7, a draw in 100 blocks");
        let found = Finding {
            gpu: 1,
            check: Check::Memory,
            verdict: Verdict::Consistent,
            score: 0,
            challenge: None,
            reason: text("128.0 GB"),
        };
        let told = summary(&Body::Finding(found.clone()));
        assert_eq!(told, "GPU 1 Memory: Consistent, 0 of 1000: 128.0 GB");
        let drawn = Finding { challenge: Some(Challenge { draw: [6; 32], result: [7; 32] }), ..found };
        assert_eq!(summary(&Body::Finding(drawn)), format!("{told} (drawn by 060606060606)"));
    }

    #[test]
    fn a_gap_is_as_long_as_its_times_can_tell() {
        let told = |from_ms, to_ms, reason| summary(&Body::Gap(Gap { from_ms, to_ms, reason }));
        assert_eq!(told(1_000, 87_401_000, GapReason::Crashed), "Crashed, 87400 s");
        assert_eq!(
            told(86_400_000, 0, GapReason::ClockJump),
            "ClockJump, not known: the clock was set back by 1 d 0 h"
        );
        assert_eq!(told(0, 1_796_024_632_000, GapReason::LogLost), "LogLost, since when is not known");
    }
}
