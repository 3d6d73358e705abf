//! TPM structures as the chain parses them.
#![no_main]
use attest::{Statement, tpms::parse_attest, verify::{AkPublic, P256Check, verify_anchor, verify_quote}};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = parse_attest(bytes);
    let _ = credential::EkPublic::parse(bytes);
    let Ok(ak) = AkPublic::parse(bytes.get(..86).unwrap_or(bytes)) else { return };
    let statement = Statement {
        genesis: [0; 32], block: [0; 32], machine: [0; 32], size: 1, root: [0; 32], device_key: [0; 32],
    };
    let _ = verify_anchor::<P256Check>(&ak, &statement, bytes, &[1; 64], None, &[]);
    let _ = verify_quote::<P256Check>(&ak, &statement, bytes, &[1; 64]);
});
