use super::{digest::Digest, draws::Names, page::About, *};
use crate::{
    render,
    tally::tests::{chip, window},
};
use attest::{
    Record,
    record::{
        Activity, Anchor, Body, Challenge, Check, Chip, ChipKind, ChipState, Drill, Finding, Gap, GapReason,
        Join, Miss, Outcome, Snapshot, Verdict, Weights, text,
    },
};
use log_store::LogStore;

const NOW: u64 = 1_790_000_000_000;
const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x onerror='alert(2)'>&";

struct Scene {
    _dir: tempfile::TempDir,
    log: LogStore,
}

impl Scene {
    fn of(bodies: Vec<(u64, Body)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogStore::open(dir.path()).unwrap();
        let records: Vec<Record> =
            (0..).zip(bodies).map(|(seq, (time_ms, body))| Record { seq, time_ms, boot: 1, body }).collect();
        log.append(&records).unwrap();
        Self { _dir: dir, log }
    }

    fn digest(&self, days: u64) -> Digest {
        Digest::of(&self.log, NOW - days * DAY_MS, NOW).unwrap()
    }

    fn page(&self, days: u64) -> String {
        self.page_with(days, Names::new())
    }

    fn page_with(&self, days: u64, names: Names) -> String {
        let about =
            About { identity: None, size: self.log.size(), root: self.log.root(), now_ms: NOW, names };
        page::page(&self.digest(days), &about)
    }
}

fn join() -> Body {
    Body::Join(Join {
        machine: [0xab; 32],
        host: [1; 32],
        kernel: text(HOSTILE),
        agent: text("1"),
        cpus: 2,
        memory_mib: 4096,
    })
}

fn activity(index: u16, from_ms: u64) -> Body {
    Body::Activity(Activity { from_ms, ..window(ChipKind::Gpu, index, 0) })
}

fn anchor(counter: u64, size: u64) -> Body {
    Body::Anchor(Anchor { block_number: 40 + counter, block_hash: [1; 32], size, root: [2; 32], counter })
}

/// Two days, a gap of two hours, a restart, anchors, a task; the chips were told long before.
fn story() -> Scene {
    let start = NOW - 2 * DAY_MS;
    let hour = 3_600_000;
    let mut bodies =
        vec![(NOW - 40 * DAY_MS, join()), (NOW - 40 * DAY_MS, Body::Chip(chip(ChipKind::Gpu, 0, HOSTILE)))];
    bodies
        .extend((0..600).map(|minute| (start + (minute + 1) * 60_000, activity(0, start + minute * 60_000))));
    let gap = Gap { from_ms: start + 10 * hour, to_ms: start + 12 * hour, reason: GapReason::Crashed };
    bodies.push((gap.to_ms, Body::Gap(gap)));
    bodies.push((gap_end(start), anchor(7, 500)));
    bodies.push((
        gap_end(start),
        Body::Drill(Drill {
            task: [1; 32],
            digest: [2; 32],
            commitment: [3; 32],
            micro_ut: 2_500_000,
            span_ms: 4_000,
            energy_mj: None,
            threads: 2,
        }),
    ));
    bodies.extend(
        (720..2_880).map(|minute| (start + (minute + 1) * 60_000, activity(0, start + minute * 60_000))),
    );
    Scene::of(bodies)
}

fn gap_end(start: u64) -> u64 {
    start + 12 * 3_600_000 + 1
}

/// Tags open and close in order.
fn is_well_formed(page: &str) {
    const VOID: [&str; 2] = ["meta", "!doctype"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("a tag that does not end");
        rest = after;
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{:.200}", rest);
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
        if name == "style" && !tag.starts_with('/') {
            rest = &rest[rest.find("</style").unwrap()..];
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_page_needs_nothing_and_hides_nothing() {
    let page = story().page(7);
    is_well_formed(&page);
    for foreign in
        ["http:", "https:", "src=\"", "href=\"", "<script", "<img", "<link", "url(", "@import", "onerror='"]
    {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img"));
    for told in [
        "crashed, 2 h 0 min",
        "1 × crashed (2 h 0 min in all)",
        "worth 2.500000 ut",
        "cannot prove",
        "matrixai-inspector verify",
    ] {
        assert!(page.contains(told), "{told} is missing");
    }
    assert!(!page.contains("REPLAY"));
}

#[test]
fn numbers_are_those_of_the_log() {
    let digest = story().digest(2);
    let gpu = &digest.chips[&(0, 0)];
    assert_eq!(
        (gpu.all.power.mean(), gpu.all.busy.mean(), gpu.all.tensor.mean()),
        (Some(654_000), Some(970), Some(398))
    );
    assert_eq!(gpu.chip.as_ref().unwrap().name.as_str(), &HOSTILE[..HOSTILE.len().min(96)]);
    let covered: u64 = digest.covered().iter().sum();
    assert_eq!(covered, (600 + 2_160) * 60_000);
    assert_eq!(gpu.energy_mj, Some(2_760 * 39_240_000));
    assert_eq!((digest.gaps.count, digest.anchors.count, digest.drills.tasks, digest.restarts), (1, 1, 1, 1));
    assert_eq!(digest.worth.iter().sum::<u64>(), 2_500_000);
}

#[test]
fn a_gap_of_unknown_length_is_no_time() {
    let start = NOW - DAY_MS / 2;
    let lost = Gap { from_ms: 0, to_ms: start, reason: GapReason::LogLost };
    let back = Gap { from_ms: NOW + 2 * DAY_MS, to_ms: start + 60_000, reason: GapReason::Stopped };
    let scene = Scene::of(vec![(start, join()), (start, Body::Gap(lost)), (back.to_ms, Body::Gap(back))]);
    let digest = scene.digest(1);
    assert!(digest.reasons.values().all(|gaps| (gaps.ms, gaps.unmeasured) == (0, 1)));
    let page = scene.page(1);
    is_well_formed(&page);
    assert!(page.contains("since when is not known") && page.contains("the clock was set back by 2 d 11 h"));
    assert!(page.contains("1 × log-lost (length not known)") && !page.contains("1970"));
}

#[test]
fn only_the_period_counts() {
    let digest = story().digest(1);
    assert_eq!((digest.gaps.count, digest.anchors.count), (0, 0));
    assert_eq!(digest.covered().iter().sum::<u64>(), DAY_MS);
    assert!(digest.chips[&(0, 0)].chip.is_some(), "told long before");
}

#[test]
fn what_nobody_told_is_not_zero() {
    let start = NOW - DAY_MS / 2;
    let silent = |from_ms| Activity {
        power_mw: None,
        power_max_mw: None,
        utilisation: None,
        tensor: None,
        memory_utilisation: None,
        energy_mj: None,
        temperature: None,
        ecc_errors: None,
        from_ms,
        ..window(ChipKind::Gpu, 0, 0)
    };
    let bodies = vec![
        (start, join()),
        (start, Body::Chip(chip(ChipKind::Gpu, 0, "L4"))),
        (start + 60_000, Body::Activity(silent(start))),
    ];
    let page = Scene::of(bodies).page(1);
    assert!(page.contains("not told") && page.contains("nothing here is bound to the chain"), "{page}");
    assert!(!page.contains("0 W") && !page.contains("class=\"power\" d="));
}

#[test]
fn a_replay_is_told_first() {
    let start = NOW - DAY_MS / 2;
    let replayed =
        Chip { state: ChipState::Replayed(text("Synthetic: made up.")), ..chip(ChipKind::Gpu, 0, "H100") };
    let real = chip(ChipKind::Gpu, 0, "H100");
    let bodies = |chips: Vec<Chip>| {
        let mut bodies = vec![(start, join())];
        bodies.extend(chips.into_iter().map(|chip| (start + 1, Body::Chip(chip))));
        bodies.push((start + 60_000, activity(0, start)));
        bodies
    };
    let page = Scene::of(bodies(vec![replayed.clone()])).page(1);
    let banner = page.find("class=\"replay\"").unwrap();
    assert!(
        page[banner..].starts_with("class=\"replay\">SYNTHETIC REPLAY: ")
            && banner < page.find("<svg").unwrap()
    );
    // It stays told where a real chip came after it, within the period.
    let later = Scene::of(bodies(vec![replayed, real])).page(1);
    assert!(later.contains("SYNTHETIC REPLAY") && later.contains("REPLAY for some of the time"));
}

fn hash(number: u64) -> [u8; 32] {
    attest::sha256(&[&number.to_le_bytes()])
}

fn drawn(job: [u8; 32], block_number: u64, outcome: Outcome) -> Body {
    Body::Snapshot(Snapshot { job, mean_blocks: 100, block_number, block_hash: hash(block_number), outcome })
}

fn finding(draw: Option<[u8; 32]>, verdict: Verdict, score: u16, reason: &str) -> Body {
    let challenge = draw.map(|draw| Challenge { draw, result: [0; 32] });
    Body::Finding(Finding { gpu: 0, check: Check::Memory, verdict, score, challenge, reason: text(reason) })
}

/// A job that was watched long before, one that began and ended, and challenges of every outcome.
fn draws() -> Scene {
    let start = NOW - DAY_MS / 2;
    let (llm, other) = (snapshot::job("llm"), snapshot::job("other"));
    let weights = |digest| Weights { digest, size: 12_345, modified_ms: start, behind: 0, span_ms: 5 };
    let watch = evidence::challenge::watch();
    let told = [
        drawn(llm, 110, Outcome::Taken(weights([0xd1; 32]))),
        drawn(other, 120, Outcome::Watching),
        drawn(llm, 130, Outcome::Unchanged(weights([0xd1; 32]))),
        drawn(llm, 140, Outcome::Missed(Miss::Torn)),
        drawn(llm, 199, Outcome::Unwatched { from: 150 }),
        drawn(watch, 199, Outcome::Unwatched { from: 190 }),
        drawn(other, 205, Outcome::Ended),
        finding(Some([1; 32]), Verdict::Consistent, 0, "128.0 GB"),
        finding(Some([1; 32]), Verdict::Unknown, 0, "new driver"),
        finding(Some([2; 32]), Verdict::Failed, 0, "others work on it"),
        finding(Some([2; 32]), Verdict::Suspicious, 600, "somewhat slow"),
        finding(Some([2; 32]), Verdict::Suspicious, 700, HOSTILE),
        finding(Some([3; 32]), Verdict::Failed, 0, "a driver hangs"),
        finding(Some([4; 32]), Verdict::Consistent, 0, "fine"),
        finding(Some([4; 32]), Verdict::Failed, 0, "left alone"),
        finding(None, Verdict::Consistent, 0, "at the start"),
    ];
    let mut bodies = vec![
        (NOW - 40 * DAY_MS, join()),
        (NOW - 40 * DAY_MS, drawn(llm, 1, Outcome::Watching)),
        (NOW - 40 * DAY_MS, drawn(watch, 1, Outcome::Watching)),
        (NOW - 40 * DAY_MS, drawn(snapshot::job("gone"), 1, Outcome::Watching)),
        (NOW - 39 * DAY_MS, drawn(llm, 7, Outcome::Missed(Miss::Late))),
        (NOW - 39 * DAY_MS, drawn(snapshot::job("gone"), 7, Outcome::Ended)),
    ];
    bodies.extend((start..).step_by(60_000).zip(told));
    Scene::of(bodies)
}

#[test]
fn draws_are_counted_in_the_period_and_by_what_came_of_them() {
    use crate::challenges::ChallengeOutcome::{Clear, Incomplete, Missed, Suspicious};
    let digest = draws().digest(1);
    let draws = &digest.draws;
    let llm = &draws.jobs[&snapshot::job("llm")];
    assert_eq!((llm.taken, llm.unchanged, &llm.missed), (1, 1, &[("torn", 1)].into()));
    assert_eq!((llm.watch.on, llm.watch.mean_blocks, llm.watch.unwatched), (true, 100, 50));
    assert!(!draws.jobs[&snapshot::job("other")].watch.on);
    assert_eq!(
        (draws.jobs.len(), draws.snapshots.count, draws.digests()),
        (2, 6, 2),
        "one ended long before"
    );
    assert_eq!(draws.outcomes(), [(Clear, 1), (Suspicious, 1), (Incomplete, 1), (Missed, 1)].into());
    assert_eq!(draws.watch.map(|watch| (watch.on, watch.unwatched)), Some((true, 10)));
    let worst = &draws.challenges.latest[1];
    assert_eq!((worst.checks, worst.failed, worst.score), (3, 1, 700));
    assert!(worst.why.as_ref().unwrap().starts_with("<script>"), "of the highest score");
    assert_eq!(digest.verdicts, [("consistent", 1)].into(), "checks at starts are told apart");
    assert_eq!(digest.findings.count, 0);
}

#[test]
fn the_page_tells_of_draws_with_their_outcome() {
    let named = Names::from([(snapshot::job("llm"), "<b>llm</b>".to_string())]);
    let page = draws().page_with(1, named);
    is_well_formed(&page);
    assert!(!page.contains("<script") && !page.contains("<b>llm"));
    let other = render::short(&snapshot::job("other"));
    for told in [
        "<td>&lt;b&gt;llm&lt;/b&gt;</td><td class=\"n\">1</td><td class=\"n\">1</td><td>1 × torn</td><td class=\"n\">50</td>",
        &format!("<td>{other}…</td><td class=\"n\">0</td><td class=\"n\">0</td><td>none</td>"),
        "100 blocks; ended",
        "digest d1d1d1d1d1d1…, 12,345 bytes",
        "digest d1d1d1d1d1d1… as before",
        "no digest: torn",
        "nobody looked at the blocks from 150 on",
        "4 drawn by the chain, 1 clear, 1 suspicious, 1 incomplete, 1 missed; blocks that nobody looked at: 10.",
        "<td class=\"n\">700</td><td>suspicious</td><td>&lt;script&gt;",
        "<td>missed</td><td>a driver hangs</td>",
        "<td>incomplete</td><td>left alone</td>",
        "not that it was trained there",
        "<b>2</b><span>digests of weights in drawn blocks",
    ] {
        assert!(page.contains(told), "{told} is missing:\n{page}");
    }
    // The strip: two digests, a missed one, a clear challenge, three others.
    let marks = |class: &str| page.matches(&format!("<rect class=\"{class}\"")).count();
    assert_eq!((marks("snapshot"), marks("challenge"), marks("amiss")), (2, 1, 1 + 3));
}

#[test]
fn where_nothing_was_drawn_the_page_says_so() {
    let page = story().page(7);
    assert!(page.contains("No job's weights were watched in this period."));
    assert!(page.contains("None in this period: they were not watched."));
    assert!(!page.contains(">draws<") && !page.contains("missed, or not clear"));
    let start = NOW - DAY_MS / 2;
    let watched = [snapshot::job("llm"), evidence::challenge::watch()];
    let long_ago = watched.map(|watch| (NOW - 40 * DAY_MS, drawn(watch, 1, Outcome::Watching)));
    let page = Scene::of(
        [(NOW - 40 * DAY_MS, join())].into_iter().chain(long_ago).chain([(start, join())]).collect(),
    )
    .page(1);
    assert!(page.contains("No block of this period drew any of them."), "{page}");
    assert!(page.contains("None in this period: no block drew one."), "{page}");
}

#[test]
fn memory_does_not_grow_with_the_log() {
    let mut digest = Digest::of(&story().log, NOW - DAY_MS, NOW).unwrap();
    for number in 0..200_000u64 {
        let time_ms = NOW - 1 - number % DAY_MS;
        let index = u16::try_from(number % 60_000).unwrap();
        let body = match number % 7 {
            5 => drawn(hash(number), number, Outcome::Missed(Miss::Late)),
            6 => finding(Some(hash(number)), Verdict::Suspicious, 700, HOSTILE),
            0 => Body::Gap(Gap { from_ms: 1, to_ms: u64::MAX, reason: GapReason::Sensors }),
            1 => anchor(number, number),
            2 => Body::Chip(chip(ChipKind::Disk, index, "d")),
            3 => Body::Activity(Activity {
                from_ms: 0,
                span_ms: u32::MAX,
                power_mw: Some(u32::MAX),
                ..window(ChipKind::Cpu, index, 0)
            }),
            _ => Body::Unknown {
                tag: 99,
                bytes: attest::record::text("x").into_bytes().iter().copied().collect(),
            },
        };
        digest.take(Record { seq: number, time_ms, boot: u32::try_from(number).unwrap(), body });
    }
    assert!(
        digest.gaps.latest.len() <= 500 && digest.anchors.latest.len() <= 500 && digest.boots.len() <= 500
    );
    assert!(digest.chips.len() <= 128 && digest.more_chips > 0);
    let draws = &digest.draws;
    assert!(draws.jobs.len() <= 64 && draws.more > 0);
    assert!(draws.snapshots.latest.len() <= 500 && draws.challenges.latest.len() <= 500);
    let about = About { identity: None, size: 5, root: [1; 32], now_ms: NOW, names: Names::new() };
    let page = page::page(&digest, &about);
    is_well_formed(&page);
    assert!(page.len() < 8 << 20, "{}", page.len());
}
