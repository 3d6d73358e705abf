//! A host whose agent serves metrics of GPUs that are played back.

use crate::host::Host;
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
};

/// Serves metrics, at whatever port is free.
pub const METRICS: (&str, &str) = ("MATRIXAI_METRICS", "127.0.0.1:0");

/// The committed one, made up.
pub fn recording() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../gpu-probe/replay/recordings/synthetic.json")
}

/// The page of metrics.
pub fn scrape(host: &Host) -> String {
    let status = host.status();
    let mut connection = TcpStream::connect(status["agent"]["metrics"].as_str().unwrap()).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    page.into()
}
