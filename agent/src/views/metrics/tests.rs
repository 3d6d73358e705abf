#[path = "../../../tests/dashboard/mod.rs"]
mod dashboard;
#[path = "../../../tests/stock/mod.rs"]
mod stock;

use super::*;
use crate::{
    board::{ChallengeView, JobView},
    views::{
        endpoint::tests::serving,
        fixtures::{replayed, whole, working},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::timeout;

/// A metric's kind, and the labels of its samples.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// Reads a page as Prometheus does, and is stricter.
fn parse(page: &str) -> Families {
    let mut families = Families::new();
    let mut seen = BTreeSet::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(!text.is_empty() && !families.contains_key(name), "{line}");
            current = name.into();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, current);
            families.insert(name.into(), (kind.into(), BTreeSet::new()));
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
            assert!(seen.insert(series.to_string()), "twice: {line}");
            let name = series.split('{').next().unwrap();
            assert_eq!(name, current, "{line}");
            families.get_mut(name).unwrap().1.extend(labels(series));
        }
    }
    families
}

fn labels(series: &str) -> Vec<String> {
    let inside = series.split_once('{').map_or("", |(_, rest)| rest.strip_suffix('}').unwrap());
    let pairs = inside.split("\",").filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once("=\"").unwrap().0.to_string()).collect()
}

/// Everything that the endpoint can tell.
fn all() -> Families {
    let mut all = parse(&page(&whole(), "host"));
    for (name, (kind, labels)) in parse(&page(&replayed(), "host")) {
        let family = all.entry(name).or_insert((kind, BTreeSet::new()));
        family.1.extend(labels);
    }
    all
}

#[test]
fn names_say_what_they_are() {
    for (name, (kind, labels)) in all() {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} {kind}");
        let ours = ["matrixai_", "process_"].iter().any(|prefix| name.starts_with(prefix));
        assert!(ours || name.starts_with("DCGM_FI_"), "{name}");
        assert!(labels.iter().all(|label| !label.is_empty()));
    }
}

#[test]
fn a_working_agent_tells_of_everything_it_has() {
    let families = all();
    for name in [
        "matrixai_log_records",
        "matrixai_anchor_height",
        "matrixai_anchor_timestamp_seconds",
        "matrixai_outbox_depth",
        "matrixai_drill_tasks_open",
        "matrixai_drill_tasks_agreed_total",
        "matrixai_chain_finalized_height",
        "matrixai_machine_active",
        "matrixai_log_gaps_total",
        "matrixai_chip_tensor_active_ratio",
        "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "process_cpu_seconds_total",
    ] {
        assert!(families.contains_key(name), "{name}");
    }
}

#[test]
fn a_replay_is_told_on_every_reading_of_a_gpu() {
    let page = page(&replayed(), "host");
    let gpus = page.lines().filter(|line| line.contains("kind=\"gpu\"") || line.starts_with("DCGM_"));
    let mut count = 0;
    for line in gpus {
        assert!(line.contains("source=\"synthetic replay\""), "{line}");
        count += 1;
    }
    assert!(count > 8 * 20, "{count}");
    assert!(page.contains("recording=\"Synthetic: made up"), "{page}");
}

#[test]
fn aliases_have_their_own_units() {
    let snapshot = replayed();
    let log = snapshot.log.as_ref().unwrap();
    let window = log.chips[0].window.as_ref().unwrap();
    let page = page(&snapshot, "host");
    let value = |start: &str| -> f64 {
        let line = page.lines().find(|line| line.starts_with(start)).unwrap();
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    let busy = f64::from(window.utilisation.unwrap());
    assert_eq!(value("DCGM_FI_DEV_GPU_UTIL{gpu=\"0\""), busy / 10.0);
    assert_eq!(value("matrixai_chip_utilization_ratio{kind=\"gpu\",chip=\"0\""), busy / 1000.0);
    assert_eq!(value("DCGM_FI_DEV_FB_USED{gpu=\"0\""), window.memory_used_mib.unwrap() as f64);
    let clock = f64::from(window.clock_mhz.unwrap());
    assert_eq!(
        value("DCGM_FI_DEV_SM_CLOCK{gpu=\"0\"") * 1e6,
        value("matrixai_chip_clock_hertz{kind=\"gpu\",chip=\"0\"")
    );
    assert!(clock > 0.0);
}

#[test]
fn who_never_anchored_has_no_such_age() {
    let mut snapshot = working();
    snapshot.log.as_mut().unwrap().anchor = None;
    let families = parse(&page(&snapshot, "host"));
    assert!(!families.contains_key("matrixai_anchor_timestamp_seconds"));
    assert!(!families.contains_key("DCGM_FI_DEV_GPU_UTIL"), "there is no GPU");
}

/// Lines about what the chain drew.
fn drawn(snapshot: &Snapshot) -> Vec<String> {
    let page = page(snapshot, "host");
    let starts = ["matrixai_snapshot", "matrixai_challenge"];
    page.lines().filter(|line| starts.iter().any(|start| line.starts_with(start))).map(String::from).collect()
}

#[test]
fn draws_are_told_with_what_came_of_them() {
    let mut snapshot = whole();
    snapshot.jobs[0].last_ms = Some(6_500);
    snapshot.challenges.as_mut().unwrap().last.as_mut().unwrap().at_ms = 7_500;
    let other = r#"vision \"large\""#;
    assert_eq!(
        drawn(&snapshot),
        [
            "matrixai_snapshots_total{job=\"llm\",outcome=\"taken\"} 8",
            "matrixai_snapshots_total{job=\"llm\",outcome=\"unchanged\"} 4",
            "matrixai_snapshots_total{job=\"llm\",outcome=\"torn\"} 1",
            "matrixai_snapshots_total{job=\"llm\",outcome=\"unsettled\"} 2",
            &format!("matrixai_snapshots_total{{job=\"{other}\",outcome=\"taken\"}} 0"),
            &format!("matrixai_snapshots_total{{job=\"{other}\",outcome=\"unchanged\"}} 0"),
            "matrixai_snapshot_drawn_height{job=\"llm\"} 9627",
            "matrixai_snapshot_timestamp_seconds{job=\"llm\"} 6.5",
            "matrixai_snapshot_blocks_unwatched_total{job=\"llm\"} 30",
            &format!("matrixai_snapshot_blocks_unwatched_total{{job=\"{other}\"}} 0"),
            "matrixai_challenge_watched 1",
            "matrixai_challenges_total{outcome=\"clear\"} 0",
            "matrixai_challenges_total{outcome=\"suspicious\"} 2",
            "matrixai_challenges_total{outcome=\"incomplete\"} 0",
            "matrixai_challenges_total{outcome=\"missed\"} 1",
            "matrixai_challenge_blocks_unwatched_total 5",
            "matrixai_challenge_drawn_height 14400",
            "matrixai_challenge_timestamp_seconds 7.5",
            "matrixai_challenge_score_ratio 0.7",
            "matrixai_challenge_checks_failed 2",
        ]
    );
}

#[test]
fn where_nothing_is_drawn_no_numbers_are_made_up() {
    let mut snapshot = Snapshot { jobs: Vec::new(), challenges: None, ..working() };
    assert!(drawn(&snapshot).is_empty());
    snapshot.challenges = Some(ChallengeView { off: Some("no GPU here".into()), ..ChallengeView::default() });
    assert_eq!(drawn(&snapshot), ["matrixai_challenge_watched 0"]);
}

/// However many jobs there are and whatever becomes of them, series stay within jobs times outcomes.
#[test]
fn series_of_draws_are_bounded_by_jobs_and_outcomes() {
    use attest::record::Miss;
    let reasons = [
        Miss::NoCheckpoint,
        Miss::Unsettled,
        Miss::Torn,
        Miss::Vanished,
        Miss::Symlink,
        Miss::Irregular,
        Miss::Unreadable,
        Miss::TooMany,
        Miss::Busy,
        Miss::Late,
        Miss::Stalled,
    ];
    let missed = reasons.map(|miss| (miss.name().to_string(), 1)).into();
    let job = JobView { missed, ..JobView::default() };
    let jobs = (0..16).map(|number| JobView { name: number.to_string(), ..job.clone() }).collect();
    let told = drawn(&Snapshot { jobs, challenges: None, ..working() });
    // The outcomes, and the blocks that nobody looked at.
    assert_eq!(told.len(), 16 * (2 + reasons.len() + 1));
}

/// Metrics and labels that a query names.
fn named(query: &str) -> (Vec<String>, Vec<String>) {
    let bare: String = {
        // Without what is in quotes.
        let mut parts = query.split('"');
        parts.by_ref().step_by(2).collect::<Vec<_>>().join("\"")
    };
    let word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = |text: &str| {
        text.split(|character| !word(character))
            .filter(|part| !part.is_empty())
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    let metrics = words(&bare)
        .into_iter()
        .filter(|name| ["matrixai_", "process_", "DCGM_"].iter().any(|prefix| name.starts_with(prefix)));
    let mut labels = Vec::new();
    for inside in bare.split('{').skip(1) {
        labels.extend(
            inside.split('}').next().unwrap().split(',').flat_map(|pair| words(pair).into_iter().next()),
        );
    }
    for by in bare.split("by (").skip(1) {
        labels.extend(words(by.split(')').next().unwrap()));
    }
    (metrics.collect(), labels)
}

#[test]
fn every_query_of_the_dashboard_finds_its_metrics() {
    let found = dashboard::queries(&["expr", "definition"]);
    assert!(found.len() >= 25, "{}", found.len());
    let families = all();
    for query in found {
        let (metrics, labels) = named(&query);
        assert!(!metrics.is_empty(), "{query}");
        for metric in &metrics {
            let Some((_, known)) = families.get(metric) else { panic!("{metric} is not told, in {query}") };
            for label in labels.iter().filter(|label| *label != "instance") {
                assert!(known.contains(label), "{metric} has no label {label}, in {query}");
            }
        }
    }
}

/// The whole dashboard before stock Prometheus, which scrapes the endpoint of a machine that has all there is to tell: no panel stays empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_of_the_dashboard_is_answered() {
    let snapshot = whole();
    let told = page(&snapshot, "host");
    stock::lint(&told);
    let address = serving(move || page(&snapshot, "host"), Duration::from_secs(60)).await;
    let prometheus = stock::Prometheus::scraping(&address.to_string());
    for query in dashboard::queries(&["expr"]) {
        // For whatever instance; and rates over what there is need two scrapes.
        let query = query.replace("$instance", ".*");
        let answered = async {
            while prometheus.query(&query).is_none_or(|found| found.is_empty()) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        assert!(timeout(Duration::from_secs(120), answered).await.is_ok(), "no answer to {query}");
    }
    let labels = dashboard::queries(&["definition"]);
    for query in labels {
        let metric = query.trim_start_matches("label_values(").split(',').next().unwrap();
        assert!(prometheus.query(metric).is_some_and(|found| !found.is_empty()), "{query}");
    }
}
