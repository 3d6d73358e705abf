//! Exported evidence, parsed and checked.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = serde_json::from_slice::<evidence::Bundle>(bytes) {
        let _ = evidence::check(&bundle, None);
    }
});
