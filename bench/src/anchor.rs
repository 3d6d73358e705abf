//! Anchors and quotes: verifying one, against the bare signature check and against the stock tool.

use crate::{
    clock,
    table::{Bar, Quantity, Row, Table},
};
use anyhow::{Context, Result, ensure};
use attest::{
    Statement,
    forge::SoftAk,
    verify::{AkPublic, CheckP256, P256Check, RingCheck, verify_anchor, verify_quote},
};
use evidence::{Bundle, Signed};
use std::{
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tpm::{EkKind, Tpm, swtpm::SoftTpm, transport::AnyTransport};

const SECTION: &str = "anchor";
/// Checks in one turn: short turns, so that some of them are left alone.
const CHECKS: u32 = 100;
const TURNS: u32 = 60;
/// Runs of the tool.
const RUNS: u32 = 40;

/// Measures all of it.
pub fn run(table: &mut Table) -> Result<()> {
    println!("Anchors: verified whole, and only their signature");
    let anchor = Anchor::forge()?;
    let key =
        ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, anchor.point());
    let raw = || key.verify(black_box(&anchor.message), &anchor.signature).ok().context("ring refuses");
    anchor.compare::<RingCheck>("an anchor, as hosts verify it", "bare ring", raw, table)?;
    with_p256(&anchor, table)?;
    against_the_tool(table)
}

fn with_p256(anchor: &Anchor, table: &mut Table) -> Result<()> {
    use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
    let key = VerifyingKey::from_sec1_bytes(&anchor.point())?;
    let signature = Signature::from_slice(&anchor.signature)?;
    let raw = || Ok(key.verify(black_box(&anchor.message), &signature)?);
    anchor.compare::<P256Check>("an anchor, as the chain verifies it, native", "bare p256", raw, table)
}

/// An anchor by a software key, and all that its verifier knows.
struct Anchor {
    ak: AkPublic,
    statement: Statement,
    message: Vec<u8>,
    signature: [u8; 64],
}

impl Anchor {
    fn forge() -> Result<Self> {
        let (key, statement) = (SoftAk::new(1), statement([3; 32]));
        let (message, signature) = key.anchor(&statement, 42, 7);
        Ok(Self { ak: AkPublic::parse(&key.public_area())?, statement, message: message.to_vec(), signature })
    }

    /// The key as everybody else writes it.
    fn point(&self) -> [u8; 65] {
        let mut point = [0x04; 65];
        let (_, xy) = point.split_at_mut(1);
        xy.copy_from_slice(self.ak.xy());
        point
    }

    fn compare<C: CheckP256>(
        &self,
        what: &str,
        name: &str,
        raw: impl Fn() -> Result<()>,
        table: &mut Table,
    ) -> Result<()> {
        let ours = || {
            verify_anchor::<C>(
                &self.ak,
                &self.statement,
                black_box(&self.message),
                &self.signature,
                None,
                &[],
            )?;
            Ok(())
        };
        let many = |work: &dyn Fn() -> Result<()>| (0..CHECKS).try_for_each(|_| work());
        let (ours, peer) = clock::compare(TURNS, || many(&ours), || many(&raw))?;
        let rate = |time| Quantity::more(clock::rate(CHECKS.into(), time), "/s");
        table.row(Row::new(SECTION, what, rate(ours)).against(name, rate(peer)).bar(Bar::Ratio(0.9)));
        Ok(())
    }
}

fn statement(machine: [u8; 32]) -> Statement {
    Statement {
        genesis: [1; 32],
        block: [2; 32],
        machine,
        size: 1_000_000,
        root: [5; 32],
        device_key: [6; 32],
    }
}

/// The same quote, by our function and by the process that the TPM's own tools bring.
fn against_the_tool(table: &mut Table) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("matrixai-bench-").tempdir()?;
    let bundle = quoted(&scratch.path().join("tpm"))?;
    let folder = scratch.path().join("export");
    evidence::tpm2_tools::export(&bundle, &folder)?;
    let quote = bundle.quote.as_ref().context("no quote was made")?;
    let (ak, statement) = (AkPublic::parse(&bundle.ak_public)?, bundle.statement(quote));
    let check = || {
        verify_quote::<RingCheck>(&ak, black_box(&statement), &quote.message, &quote.signature)?;
        Ok(())
    };
    let ours = clock::compare(TURNS, || (0..CHECKS).try_for_each(|_| check()), || Ok(()))?.0 / CHECKS;
    let tool = best_run(|| checkquote(&folder, &statement.qualification()))?;
    let nothing = best_run(|| Command::new("true"))?;
    let time = |time: Duration| Quantity::less(time.as_secs_f64() * 1e3, "ms");
    table.row(
        Row::new(SECTION, "a TPM's quote", time(ours))
            .against("the process tpm2_checkquote", time(tool))
            .bar(Bar::Ratio(0.9)),
    );
    table.note(format!(
        "Starting and ending the process `true` took {}: so much of tpm2_checkquote is not checking.",
        time(nothing)
    ));
    Ok(())
}

/// A quote by a real, if soft, TPM.
fn quoted(folder: &Path) -> Result<Bundle> {
    let soft = SoftTpm::create(folder)?;
    let mut tpm = Tpm::new(AnyTransport::open(&soft.url())?);
    tpm.startup()?;
    let ek = EkKind::Rsa2048;
    let (identity, ak) = (tpm.identity(ek)?, tpm.create_ak(ek)?);
    let statement = statement(attest::machine_id(&identity.public));
    let quote = tpm.quote(ek, &ak, &statement.qualification(), &[0, 2, 4, 7])?;
    Ok(Bundle {
        version: evidence::VERSION,
        genesis: statement.genesis,
        ek_public: identity.public,
        ek_certificate: identity.certificate.unwrap_or_default(),
        ak_public: ak.public,
        quote: Some(signed(&statement, quote)),
        anchors: Vec::new(),
        gpu_reports: None,
    })
}

fn signed(statement: &Statement, quote: tpm::Attestation) -> Signed {
    Signed {
        block_number: 1,
        block_hash: statement.block,
        size: statement.size,
        root: statement.root,
        device_key: statement.device_key,
        message: quote.message,
        signature: quote.signature,
    }
}

fn checkquote(folder: &Path, qualification: &[u8; 32]) -> Command {
    let mut command = Command::new("tpm2_checkquote");
    command.args(["-u", "ak.pem", "-m", "quote.msg", "-s", "quote.sig", "-g", "sha256", "-q"]);
    command.arg(hex::encode(qualification)).current_dir(folder);
    command
}

/// The shortest of many runs, by the wall clock.
fn best_run(command: impl Fn() -> Command) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let mut command = command();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let started = Instant::now();
        let status = command.status().with_context(|| format!("{command:?}"))?;
        best = best.min(started.elapsed());
        ensure!(status.success(), "{command:?} failed ({status})");
    }
    Ok(best)
}
