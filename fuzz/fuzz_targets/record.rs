//! What decodes encodes to the same bytes.
#![no_main]
use attest::Record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::decode(bytes) {
        assert_eq!(record.encode().unwrap(), bytes);
    }
});
