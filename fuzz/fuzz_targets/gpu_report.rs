//! Reports of GPUs and their certificates, by nobody known.
#![no_main]
use inspector::gpu_report::{Message, verify};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let nonce = bytes.get(4..36).and_then(|nonce| nonce.try_into().ok()).unwrap_or([0; 32]);
    if let Ok(message) = Message::parse(bytes) {
        assert_eq!(message.signed.len() + message.signature.len(), bytes.len());
    }
    // The same bytes as certificates, after the report or in its place.
    let (report, certificates) = bytes.split_at(bytes.len() / 2);
    let _ = verify(report, certificates, &nonce);
    let _ = verify(bytes, bytes, &nonce);
});
