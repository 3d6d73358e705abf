//! A software TPM per test, gone when the test ends.

#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use attest::Statement;
use tempfile::TempDir;
use tpm::{Tpm, swtpm::SoftTpm, transport::AnyTransport};

pub mod spi;

pub type SocketTpm = Tpm<AnyTransport>;

pub struct Bench {
    pub soft: SoftTpm,
    pub tpm: SocketTpm,
    _dir: TempDir,
}

pub fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let soft = SoftTpm::create(&dir.path().join("tpm")).unwrap();
    let tpm = connect(&soft);
    Bench { soft, tpm, _dir: dir }
}

pub fn connect(soft: &SoftTpm) -> SocketTpm {
    let mut tpm = Tpm::new(AnyTransport::open(&soft.url()).unwrap());
    tpm.startup().unwrap();
    tpm
}

pub fn statement() -> Statement {
    Statement {
        genesis: [1; 32],
        block: [2; 32],
        machine: [3; 32],
        size: 4,
        root: [5; 32],
        device_key: [6; 32],
    }
}
