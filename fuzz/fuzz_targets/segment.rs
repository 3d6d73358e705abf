//! A log whose last segment holds anything at all: opened, or refused, and what is opened is consistent.
#![no_main]
use log_store::LogStore;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("00000000000000000000.log"), bytes).unwrap();
    if let Ok(log) = LogStore::open(folder.path()) {
        for seq in 0..log.size() {
            log.raw(seq).unwrap();
        }
    }
});
