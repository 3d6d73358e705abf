//! Signed notes.
#![no_main]

libfuzzer_sys::fuzz_target!(|note: &str| {
    let _ = attest::checkpoint::verify(note, "matrixai/machine/00", &[0; 32]);
});
