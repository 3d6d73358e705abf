//! A TPM that answers anything at all.
#![no_main]
use tpm::{EkKind, Tpm, TpmError, Transport};

struct Script<'a>(&'a [u8]);

impl Transport for Script<'_> {
    fn transact(&mut self, _: &[u8]) -> Result<Vec<u8>, TpmError> {
        let (length, rest) = self.0.split_first().unwrap_or((&0, &[]));
        let (answer, rest) = rest.split_at(rest.len().min(*length as usize * 4));
        self.0 = rest;
        Ok(answer.to_vec())
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut tpm = Tpm::with_pause(Script(bytes), |_| ());
    let _ = tpm.identity(EkKind::Rsa2048);
    let _ = tpm.create_ak(EkKind::EccP256);
    let _ = tpm.read_pcrs(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let _ = tpm.ensure_counter();
    let _ = tpm.properties();
});
