//! Certificates of endorsement keys, by nobody known.
#![no_main]
use inspector::ek_certificate::Roots;
use rustls_pki_types::UnixTime;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::load(folder.path()).unwrap();
    let _ = roots.judge(bytes, bytes, UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000)));
});
