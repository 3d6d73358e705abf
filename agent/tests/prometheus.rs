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

use host::{Host, wait_until};
use metered::{METRICS, recording, scrape};
use nvml_replay::library;
use serde_json::Value;
use std::{
    env, fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Where `cargo xtask test` unpacks them, or where Debian installs them.
fn program(name: &str) -> PathBuf {
    let exe = env::current_exe().unwrap();
    let beside = exe.ancestors().nth(3).unwrap().join("prometheus/usr/bin").join(name);
    let found = [beside, PathBuf::from("/usr/bin").join(name)].into_iter().find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("no {name}: `cargo xtask test` fetches it"))
}

struct Prometheus {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let job = format!("  - job_name: matrixai\n    static_configs:\n      - targets: ['{address}']\n");
        fs::write(&config, format!("global:\n  scrape_interval: 500ms\nscrape_configs:\n{job}")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program("prometheus"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = command.stderr(log).stdout(Stdio::null()).spawn().unwrap();
        Self { process, port, folder }
    }

    /// What an instant query finds; none while Prometheus is not there yet.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        write!(connection, "GET /api/v1/query?query={encoded} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        assert!(body["status"] == "success" || body["errorType"] == "unavailable", "{query}: {body}");
        body["data"]["result"].as_array().cloned()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

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

/// Errors and advice alike are too much.
fn lint(page: &str) {
    let mut promtool = Command::new(program("promtool"));
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
}
