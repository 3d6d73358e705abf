//! The metrics endpoint before stock Prometheus: its linter has nothing to say, it scrapes, and every query of the dashboard is answered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs
)]

mod dashboard;
mod host;
mod metered;
mod stock;

use host::{Host, wait_until};
use metered::{METRICS, recording, scrape};
use nvml_replay::library;
use stock::{Prometheus, lint};

#[test]
fn stock_prometheus_is_content() {
    let host = Host::new();
    let (library, recording) = (library().unwrap(), recording());
    let agent = host.start_with(&[
        METRICS,
        ("MATRIXAI_NVML", library.to_str().unwrap()),
        ("MATRIXAI_NVML_RECORDING", recording.to_str().unwrap()),
    ]);
    wait_until("metrics", || host.status()["agent"]["metrics"].is_string());
    wait_until("readings", || scrape(&host).contains("DCGM_FI_DEV_POWER_USAGE"));
    lint(&scrape(&host));

    let status = host.status();
    let prometheus = Prometheus::scraping(status["agent"]["metrics"].as_str().unwrap());
    wait_until("a scrape", || prometheus.query("up").is_some_and(|up| !up.is_empty()));
    assert_eq!(prometheus.query("up").unwrap()[0]["value"][1], "1", "it cannot scrape the agent");
    let panels = dashboard::queries(&["expr"]);
    assert!(panels.len() > 20, "{panels:?}");
    for panel in panels {
        // For whatever instance.
        let panel = panel.replace("$instance", ".*");
        // What has no chain here is never told of it.
        let told = ["matrixai_chip_", "matrixai_log_records", "matrixai_agent_", "process_"];
        if told.iter().any(|name| panel.contains(name)) && !panel.contains("matrixai_anchor_") {
            wait_until(&panel, || prometheus.query(&panel).is_some_and(|found| !found.is_empty()));
        } else {
            wait_until(&panel, || prometheus.query(&panel).is_some());
        }
    }
    agent.terminate();
}
