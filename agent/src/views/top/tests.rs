use super::*;
use crate::{
    board::{ChallengeView, Part, Snapshot, Trouble},
    clock::now_ms,
    tally::ChipTally,
    tally::tests::{chip, window},
    views::fixtures,
};
use attest::record::{ChipKind, ChipState};

const PLAIN: Look = Look { colour: false, unicode: true };

fn picture_with(report: &Report, look: Look, columns: u16, rows: u16) -> String {
    let mut history = History::default();
    for chip in report.snapshot.iter().flat_map(|snapshot| &snapshot.log).flat_map(|log| &log.chips) {
        chip.window.iter().for_each(|window| history.take(window));
    }
    text(&View { report, history: &history, look, scroll: 0, unreadable: None }, columns, rows).unwrap()
}

fn picture(report: &Report, columns: u16, rows: u16) -> String {
    picture_with(report, PLAIN, columns, rows)
}

fn with_gpu(mut snapshot: Snapshot, state: ChipState) -> Report {
    let log = snapshot.log.as_mut().unwrap();
    let found = attest::record::Chip { state, ..chip(ChipKind::Gpu, 0, "NVIDIA H100") };
    let gpu = log.chips.iter_mut().find(|known| known.chip.kind == ChipKind::Gpu).unwrap();
    gpu.chip = found;
    gpu.window = None;
    fixtures::report(snapshot, 0)
}

#[test]
fn a_working_agent_is_seen_whole_on_a_usual_terminal() {
    let snapshot = fixtures::working();
    let height = snapshot.chain.finalized.unwrap();
    let picture = picture(&fixtures::report(snapshot, 7), 120, 40);
    for shown in [
        "working",
        "no GPU, or no NVIDIA driver",
        "7 anchors; the last in block 10",
        &format!("block {height} final"),
        "compute power (ECP)",
        "agreed",
        "q quit",
    ] {
        assert!(picture.contains(shown), "{shown} is missing:\n{picture}");
    }
    assert!(!picture.contains("REPLAY"));
}

#[test]
fn every_size_can_be_drawn() {
    let reports = [
        fixtures::report(fixtures::working(), 7),
        fixtures::report(fixtures::replayed(), 0),
        Report::default(),
    ];
    for report in &reports {
        for (columns, rows) in
            (1..=130).step_by(7).flat_map(|columns| (1..=60).step_by(5).map(move |rows| (columns, rows)))
        {
            picture(report, columns, rows);
        }
        picture(report, 500, 200);
        let tiny = picture(report, 20, 5);
        assert!(tiny.lines().count() <= 5 && tiny.lines().all(|line| line.chars().count() <= 20), "{tiny}");
    }
    assert!(picture(&reports[0], 20, 5).starts_with("working"));
    assert!(picture(&reports[0], 300, 100).contains("working"));
}

#[test]
fn a_replay_is_the_first_thing_that_is_said() {
    let report = fixtures::report(fixtures::replayed(), 0);
    for (columns, rows) in [(20, 5), (64, 20), (80, 24), (200, 60)] {
        let picture = picture(&report, columns, rows);
        assert!(picture.starts_with("REPLAY"), "{picture}");
    }
    assert!(picture(&report, 120, 40).lines().next().unwrap().contains("Synthetic"));
}

#[test]
fn what_is_missing_is_said_and_never_zero() {
    let never = picture(&fixtures::report(fixtures::working(), 0), 100, 40);
    assert!(never.contains("never anchored"), "{never}");
    let broken = ChipState::Broken(attest::record::text("version mismatch"));
    let broken = picture(&with_gpu(fixtures::working(), broken), 100, 40);
    assert!(broken.contains("driver broken: version mismatch"), "{broken}");
    let hung = picture(&with_gpu(fixtures::working(), ChipState::Hung), 100, 40);
    assert!(hung.contains("driver hung"), "{hung}");
    let silent = picture(&with_gpu(fixtures::working(), ChipState::Present), 100, 40);
    let line = silent.lines().find(|line| line.contains("NVIDIA H100")).unwrap();
    assert_eq!(line.matches('–').count(), 5, "{line}");
    let stopped = picture(&Report::default(), 100, 40);
    assert!(stopped.contains("not running") && stopped.contains("nothing is measured now"), "{stopped}");
}

#[test]
fn old_readings_are_not_shown() {
    let mut snapshot = fixtures::working();
    let tally = |ago| ChipTally {
        window: Some(window(ChipKind::Gpu, 0, ago)),
        ..snapshot.log.clone().unwrap().chips[0].clone()
    };
    let (fresh, old) = (tally(1_000), tally(3_600_000));
    for (known, shown) in [(fresh, true), (old, false)] {
        let known = ChipTally { chip: chip(ChipKind::Gpu, 0, "NVIDIA H100"), ..known };
        snapshot.log.as_mut().unwrap().chips = vec![known];
        let picture = picture(&fixtures::report(snapshot.clone(), 0), 100, 40);
        assert_eq!(picture.contains("654 W"), shown, "{picture}");
    }
}

#[test]
fn trouble_is_shown_at_any_size() {
    let mut snapshot = fixtures::working();
    let trouble = Trouble { since_ms: now_ms(), what: "does not answer".into() };
    snapshot.troubles.insert(Part::Tpm, trouble);
    let report = fixtures::report(snapshot, 7);
    for (columns, rows) in [(40, 8), (80, 40), (120, 40)] {
        let picture = picture(&report, columns, rows);
        assert!(picture.contains("tpm: does not answer"), "{picture}");
    }
}

#[test]
fn draws_are_told_in_a_line_each() {
    let report = fixtures::report(fixtures::whole(), 7);
    let line = |picture: &str, start: &str| {
        let line = picture.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("{start}:\n{picture}")).trim_end().to_string()
    };
    let whole = picture(&report, 160, 50);
    assert_eq!(
        line(&whole, "snapshots"),
        "snapshots   2 jobs, 15 draws in this run, 3 missed, 30 blocks not looked at, vision \"large\" is being read, the last by block 9,627: llm, torn"
    );
    assert_eq!(
        line(&whole, "challenges"),
        "challenges  3 draws in this run, 1 missed, 5 blocks not looked at, the last by block 14,400 2 min ago: suspicious, slower than the chip that it says it is"
    );
    // Where there is less room, what is amiss is seen all the same.
    for (columns, rows) in [(64, 20), (80, 24), (120, 40)] {
        let picture = picture(&report, columns, rows);
        assert!(line(&picture, "snapshots").contains("3 missed, 30 blocks"), "{picture}");
        assert!(line(&picture, "challenges").contains("1 missed, 5 blocks"), "{picture}");
        assert!(picture.contains("chip "), "chips keep their place:\n{picture}");
    }
}

#[test]
fn what_is_not_drawn_takes_no_place_or_says_why() {
    let mut snapshot = fixtures::whole();
    snapshot.jobs.clear();
    let off = Some("challenge_blocks is 0".to_string());
    snapshot.challenges = Some(ChallengeView { off, ..ChallengeView::default() });
    let seen = picture(&fixtures::report(snapshot.clone(), 7), 100, 40);
    assert!(!seen.contains("snapshots"), "{seen}");
    assert!(seen.contains("challenges  none: challenge_blocks is 0"), "{seen}");
    snapshot.challenges = None;
    let silent = picture(&fixtures::report(snapshot, 7), 100, 40);
    assert!(!silent.contains("challenges"), "{silent}");
    assert!(!picture(&Report::default(), 100, 40).contains("challenges"), "nobody knows");
}

#[test]
fn a_plain_terminal_gets_plain_text() {
    let look = Look { colour: false, unicode: false };
    for report in [fixtures::report(fixtures::working(), 7), fixtures::report(fixtures::replayed(), 0)] {
        for (columns, rows) in [(20, 5), (80, 24), (160, 50)] {
            let picture = picture_with(&report, look, columns, rows);
            assert!(picture.is_ascii(), "{picture}");
        }
    }
}
