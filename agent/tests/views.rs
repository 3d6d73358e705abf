//! What a running agent shows, over a software TPM and without a chain: metrics, `top`, `report`, and that a replay is told as one in all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, missing_docs)]

mod host;
mod metered;

use host::{Host, exit_code, stderr, wait_until};
use metered::{METRICS, recording, scrape};
use nvml_replay::library;
use std::fs;

fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find(|line| line.split(' ').next() == Some(series));
    line.unwrap_or_else(|| panic!("no {series} in\n{page}")).rsplit_once(' ').unwrap().1.parse().unwrap()
}

fn shown(host: &Host, arguments: &[&str]) -> String {
    let output = host.command(arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn report(host: &Host) -> String {
    let file = host.dir().join("report.html");
    host.json(&["report", "--html", file.to_str().unwrap()]);
    fs::read_to_string(file).unwrap()
}

#[test]
fn every_view_shows_what_the_log_has() {
    let host = Host::new();
    let agent = host.start_with(&[METRICS, ("LC_ALL", "C.UTF-8")]);
    wait_until("metrics", || host.status()["agent"]["metrics"].is_string());
    wait_until("a window", || host.status()["agent"]["last_window_ms"].is_u64());
    let before = host.records().len() as f64;
    wait_until("a page with all of it", || value(&scrape(&host), "matrixai_log_records") >= before);
    let page = scrape(&host);
    assert_eq!(value(&page, "matrixai_trouble{part=\"chain\"}"), 1.0, "there is no chain here");
    assert!(value(&page, "matrixai_chip_up{kind=\"memory\",chip=\"0\",source=\"sensors\"}") > 0.0);
    assert!(!page.contains("matrixai_anchor_timestamp_seconds"), "never anchored");
    assert!(!page.contains("DCGM_") || page.contains("gpu=\"0\""), "no GPU, no such names");
    assert!(value(&page, "process_resident_memory_bytes") > 0.0);

    let top = shown(&host, &["top", "--once"]);
    assert!(top.contains("never anchored") && top.contains("memory 0"), "{top}");
    let interactive = host.command(&["top"]).output().unwrap();
    assert!(
        exit_code(&interactive) == 1 && stderr(&interactive).contains("--once"),
        "{}",
        stderr(&interactive)
    );
    let page = report(&host);
    assert!(page.contains("nothing here is bound to the chain") && !page.contains("REPLAY"));
    agent.terminate();
    let top = shown(&host, &["top", "--once"]);
    assert!(top.contains("not running") && top.contains("nothing is measured now"), "{top}");
}

#[test]
fn a_replay_is_told_as_one_everywhere() {
    let host = Host::new();
    let (library, recording) = (library().unwrap(), recording());
    let variables = [
        METRICS,
        ("MATRIXAI_NVML", library.to_str().unwrap()),
        ("MATRIXAI_NVML_RECORDING", recording.to_str().unwrap()),
    ];
    let agent = host.start_with(&variables);
    wait_until("metrics", || host.status()["agent"]["metrics"].is_string());
    wait_until("readings", || scrape(&host).contains("DCGM_FI_DEV_POWER_USAGE"));
    let page = scrape(&host);
    let gpus: Vec<&str> =
        page.lines().filter(|line| line.contains("kind=\"gpu\"") || line.starts_with("DCGM_")).collect();
    assert!(
        gpus.len() > 30 && gpus.iter().all(|line| line.contains("source=\"synthetic replay\"")),
        "{gpus:#?}"
    );

    let records = host.records();
    let chips = records.iter().filter(|record| record["kind"] == "chip" && record["body"]["kind"] == "Gpu");
    let labels: Vec<&str> = chips.map(|chip| chip["body"]["state"]["Replayed"].as_str().unwrap()).collect();
    assert!(labels.len() >= 3 && labels.iter().all(|label| label.starts_with("Synthetic")), "{labels:?}");

    let status = host.command(&["status"]).output().unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("REPLAY: GPUs are played back, not measured here. Synthetic"), "{status}");
    assert_eq!(status.matches(": synthetic replay, ").count(), 3, "{status}");
    let top = shown(&host, &["top", "--once"]);
    assert!(top.starts_with("REPLAY: what GPUs show is played back, not measured here. Synthetic"), "{top}");
    assert!(report(&host).contains("SYNTHETIC REPLAY: the GPUs on this page are a recording"));
    let mut doctor = host.command(&["doctor", "--wait", "1"]);
    let doctor = doctor.envs(variables).output().unwrap();
    assert!(
        String::from_utf8_lossy(&doctor.stdout).contains("is a recording that is played back: Synthetic")
    );
    agent.terminate();
}
