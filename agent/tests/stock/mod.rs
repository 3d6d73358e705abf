//! Stock Prometheus, and its linter. The metrics' own tests include this file too.

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

/// A running one. It ends with this.
pub struct Prometheus {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// One that scrapes this address.
    pub fn scraping(address: &str) -> Self {
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
        Self { process, port, _folder: folder }
    }

    /// What an instant query finds; none while Prometheus is not there yet.
    pub fn query(&self, query: &str) -> Option<Vec<Value>> {
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

/// Its linter has nothing to say: errors and advice alike are too much.
pub fn lint(page: &str) {
    let mut promtool = Command::new(program("promtool"));
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
}
