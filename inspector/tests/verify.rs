//! The offline check, against somebody who has a victim's public key and certificate, and no TPM.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use attest::forge::SoftAk;
use evidence::{Bundle, Signed};
use inspector::{
    chain_word::{Mismatch, WordError},
    ek_certificate::Level,
    error::Error,
    remark::Remark,
    verify::{Against, Verified, verify},
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};
use tpm::{EkKind, Tpm, swtpm::SoftTpm, transport::AnyTransport};

/// Endorsement key, its certificate, root and intermediate.
fn victim() -> &'static [Vec<u8>; 4] {
    static VICTIM: OnceLock<[Vec<u8>; 4]> = OnceLock::new();
    VICTIM.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let soft = SoftTpm::create(dir.path()).unwrap();
        let mut tpm = Tpm::new(AnyTransport::open(&soft.url()).unwrap());
        tpm.startup().unwrap();
        let ek = tpm.identity(EkKind::Rsa2048).unwrap();
        let file = |path| fs::read(path).unwrap();
        let (root, issuer) = (file(soft.root_certificate()), file(soft.issuer_certificate()));
        [ek.public, ek.certificate.unwrap(), root, issuer]
    })
}

/// A case on disk: evidence, roots, the chain's word.
struct Case {
    dir: tempfile::TempDir,
    bundle: Bundle,
}

impl Case {
    /// Evidence of the victim's TPM with three anchors by this key, and a roots folder that knows the TPM's maker.
    fn signed_by(ak: &SoftAk) -> Self {
        let [ek, certificate, root, issuer] = victim();
        let dir = tempfile::tempdir().unwrap();
        for (kind, pem) in [("hardware", root), ("intermediates", issuer)] {
            fs::create_dir_all(dir.path().join("roots").join(kind)).unwrap();
            fs::write(dir.path().join("roots").join(kind).join("maker.pem"), pem).unwrap();
        }
        let mut bundle = Bundle {
            version: evidence::VERSION,
            genesis: [9; 32],
            ek_public: ek.clone(),
            ek_certificate: certificate.clone(),
            ak_public: ak.public_area().to_vec(),
            quote: None,
            anchors: Vec::new(),
            gpu_reports: None,
        };
        for counter in 5..8 {
            let blank = Signed {
                block_number: counter,
                block_hash: [counter as u8; 32],
                size: counter * 10,
                root: [counter as u8; 32],
                device_key: [3; 32],
                message: Vec::new(),
                signature: [0; 64],
            };
            let (message, signature) = ak.anchor(&bundle.statement(&blank), counter, 0);
            bundle.anchors.push(Signed { message: message.to_vec(), signature, ..blank });
        }
        let case = Self { dir, bundle };
        case.write();
        case
    }

    fn write(&self) {
        self.bundle.write(&self.path("evidence.json")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the chain has of the machine whose key this is, by its anchor of this counter.
    fn word(&self, ak: &SoftAk, counter: u64) -> Value {
        json!({
            "genesis": "09".repeat(32), "block": 100, "block_hash": "aa".repeat(32),
            "id": hex::encode(self.bundle.machine()), "owner": "5G", "device": "5F",
            "attestation_key": hex::encode(ak.public_area()), "level": "hardware", "standing": "active",
            "epoch": 0, "enrolled": 4, "anchors": counter - 4, "seen": 22, "due": 92, "lapses": 1, "absent": 7,
            "log_lost": false, "floor": 0,
            "anchor": { "counter": counter, "size": counter * 10, "root": hex::encode([counter as u8; 32]),
                        "block": counter, "at": counter + 1 },
        })
    }

    fn held_against(&self, word: &Value) -> Result<Verified, Error> {
        let file = self.path("machine.json");
        fs::write(&file, word.to_string()).unwrap();
        let (roots, machine) = (self.path("roots"), Some(file.as_path()));
        verify(&self.path("evidence.json"), &Against { roots: Some(&roots), machine, ..Against::default() })
    }

    fn mismatch(&self, word: &Value) -> Mismatch {
        match self.held_against(word) {
            Err(Error::Mismatch(mismatch)) => mismatch,
            other => panic!("{other:?}"),
        }
    }

    /// Exit code and standard error of the program.
    fn run(&self, roots: &Path, more: &[&str]) -> (i32, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_matrixai-inspector"));
        program.arg("verify").arg("--evidence").arg(self.path("evidence.json")).arg("--roots").arg(roots);
        let output = program.args(more).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn a_software_key_beside_a_genuine_certificate_proves_no_identity() {
    let (tpms, forgers) = (SoftAk::new(1), SoftAk::new(2));
    let forged = Case::signed_by(&forgers);
    let roots = forged.path("roots");
    let alone = Against { roots: Some(&roots), ..Against::default() };
    let verified = verify(&forged.path("evidence.json"), &alone).unwrap();
    assert!(!verified.identity_proven);
    let text = verified.to_string();
    assert!(text.lines().next().unwrap().contains("NOT PROVEN"), "{text}");
    let json = serde_json::to_value(&verified).unwrap();
    assert_eq!(
        (&json["identity_proven"], &json["ek_certificate"]["level"]),
        (&false.into(), &"hardware".into())
    );
    assert_eq!(forged.mismatch(&forged.word(&tpms, 7)), Mismatch::AnotherKey);
}

#[test]
fn the_chains_word_proves_it() {
    let ak = SoftAk::new(1);
    let case = Case::signed_by(&ak);
    for (counter, after) in [(7, 0), (6, 1)] {
        let verified = case.held_against(&case.word(&ak, counter)).unwrap();
        assert!(verified.identity_proven);
        let chain = verified.chain.as_ref().unwrap();
        assert_eq!((chain.latest_counter, chain.anchors_after, chain.lapses), (counter, after, 1));
        let text = verified.to_string();
        assert!(text.lines().next().unwrap().contains("at block 100"), "{text}");
        assert!(!text.contains("LOST"), "{text}");
    }
    let mut lost = case.word(&ak, 7);
    (lost["log_lost"], lost["floor"], lost["epoch"]) = (true.into(), 4.into(), 1.into());
    assert!(case.held_against(&lost).unwrap().to_string().contains("LOST ONCE"));
}

#[test]
fn every_mismatch_has_a_name() {
    let ak = SoftAk::new(1);
    let case = Case::signed_by(&ak);
    let with = |field: &str, value: Value| {
        let mut word = case.word(&ak, 7);
        *word.pointer_mut(field).unwrap() = value;
        case.mismatch(&word)
    };
    assert!(matches!(with("/genesis", "08".repeat(32).into()), Mismatch::AnotherChain(..)));
    assert!(matches!(with("/id", "08".repeat(32).into()), Mismatch::AnotherMachine(..)));
    assert_eq!(with("/standing", "forked".into()), Mismatch::Forked);
    let mut none = case.word(&ak, 7);
    (none["anchor"], none["anchors"]) = (Value::Null, 0.into());
    assert_eq!(case.mismatch(&none), Mismatch::NoAnchor(0));
    assert_eq!(with("/anchors", 2.into()), Mismatch::NeverCounted { shown: 3, counted: 2 });
    assert_eq!(with("/anchor/block", 6.into()), Mismatch::AnotherAnchor(7));
    assert_eq!(with("/anchor/counter", 8.into()), Mismatch::NotShown(8));
    assert_eq!(with("/anchor/counter", 4.into()), Mismatch::NotShown(4));
    assert_eq!(with("/anchor/size", 71.into()), Mismatch::AnotherAnchor(7));
    assert_eq!(with("/anchor/root", "08".repeat(32).into()), Mismatch::AnotherAnchor(7));
    let mut lost = case.word(&ak, 7);
    (lost["log_lost"], lost["floor"], lost["epoch"]) = (true.into(), 5.into(), 1.into());
    assert_eq!(case.mismatch(&lost), Mismatch::LostLog { index: 0, counter: 5, floor: 5 });
    assert!(matches!(case.held_against(&json!([])), Err(Error::Word(_))));
}

#[test]
fn a_word_that_no_chain_gives_is_refused_by_name() {
    let ak = SoftAk::new(1);
    let case = Case::signed_by(&ak);
    let refused = |changes: &[(&str, Value)]| {
        let mut word = case.word(&ak, 7);
        for (field, value) in changes {
            *word.pointer_mut(field).unwrap() = value.clone();
        }
        match case.held_against(&word) {
            Err(Error::Word(error)) => error,
            other => panic!("{changes:?}: {other:?}"),
        }
    };
    for (field, unknown) in [("/standing", "wonderful"), ("/level", "platinum"), ("/standing", "Active")] {
        let error = refused(&[(field, unknown.into())]);
        assert!(matches!(error, WordError::Malformed(..)) && error.to_string().contains(unknown), "{error}");
    }
    let lost = [("/log_lost", true.into()), ("/epoch", 1.into())];
    let contradictions: [&[(&str, Value)]; 9] = [
        &[("/floor", 4.into())],
        &[("/log_lost", true.into())],
        &[("/anchors", 0.into())],
        &[("/anchor", Value::Null)],
        &[lost[0].clone(), lost[1].clone(), ("/floor", 7.into())],
        &[("/enrolled", 101.into())],
        &[("/anchor/at", 101.into())],
        &[("/anchor/block", 8.into())],
        &[("/block", 7.into())],
    ];
    for changes in contradictions {
        let error = refused(changes);
        assert!(matches!(error, WordError::Contradictory(..)), "{changes:?}: {error}");
    }
}

#[test]
fn an_anchor_of_a_block_that_was_not_there_yet_is_refused() {
    let ak = SoftAk::new(1);
    let mut case = Case::signed_by(&ak);
    for (claimed, late) in [(4_000_000_000, true), (8, true), (7, false), (6, false)] {
        case.bundle.anchors[1].block_number = claimed;
        case.write();
        let verdict = case.held_against(&case.word(&ak, 7));
        let refused = Mismatch::FromTheFuture { index: 1, claimed, at: 8 };
        assert_eq!(matches!(verdict, Err(Error::Mismatch(named)) if named == refused), late, "{claimed}");
    }
    // One that the chain's word does not know of yet may be of any block: that is said, not refused.
    case.bundle.anchors[2].block_number = 4_000_000_000;
    case.write();
    let verified = case.held_against(&case.word(&ak, 6)).unwrap();
    assert_eq!(verified.remarks, [Remark::AfterTheWord { anchors: 1, block: 100 }]);
    assert_eq!(case.mismatch(&case.word(&ak, 7)), Mismatch::AnotherAnchor(7));
}

#[test]
fn what_the_chains_word_means_is_told_beside_the_verdict() {
    let ak = SoftAk::new(1);
    let case = Case::signed_by(&ak);
    let with = |changes: &[(&str, Value)]| {
        let mut word = case.word(&ak, 7);
        for (field, value) in changes {
            word[*field] = value.clone();
        }
        let verified = case.held_against(&word).unwrap();
        let text = verified.to_string();
        for (remark, line) in verified.remarks.iter().zip(text.lines().skip(1)) {
            assert_eq!(line, format!("remark       {remark}"));
        }
        assert_eq!(
            serde_json::to_value(&verified).unwrap()["remarks"].as_array().unwrap().len(),
            verified.remarks.len()
        );
        verified.remarks
    };
    assert_eq!(with(&[]), []);
    assert_eq!(with(&[("standing", "lapsed".into())]), [Remark::Lapsed(100)]);
    assert_eq!(with(&[("standing", "retired".into())]), [Remark::Retired(100)]);
    let other = |chain| Remark::AnotherLevel { chain, here: Level::Hardware };
    assert_eq!(with(&[("level", "virtual".into())]), [other(Level::Virtual)]);
    assert_eq!(with(&[("level", "unverified".into())]), [Remark::Unverified, other(Level::Unverified)]);
    assert_eq!(with(&[("anchors", 5.into())]), [Remark::NotAllShown { shown: 3, counted: 5 }]);
    // Key and log that went on through an enrolment anew: the chain counts from 0 again.
    let anew = [("anchors", 1.into()), ("epoch", 1.into())];
    assert_eq!(with(&anew), [Remark::OfEarlierEpochs { shown: 3, counted: 1 }]);
}

/// Exit code and standard error of the program, with these for its arguments.
fn program(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_matrixai-inspector")).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn whatever_file_cannot_be_read_is_named_and_the_exit_code_is_the_same() {
    let ak = SoftAk::new(1);
    let case = Case::signed_by(&ak);
    let pipe = case.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::create_dir_all(case.path("piped/hardware")).unwrap();
    assert!(Command::new("mkfifo").arg(case.path("piped/hardware/a.pem")).status().unwrap().success());
    fs::File::create(case.path("huge")).unwrap().set_len(1 << 40).unwrap();
    fs::set_permissions(case.path("huge"), fs::Permissions::from_mode(0o600)).unwrap();
    let at = |name: &str| case.path(name).display().to_string();
    let (good, piped, huge, folder) = (at("evidence.json"), at("pipe"), at("huge"), at("roots"));
    for bad in [piped.as_str(), "/dev/zero", &huge, &folder, "/nonexistent"] {
        for arguments in [
            &["verify", "--evidence", bad][..],
            &["verify", "--evidence", &good, "--machine", bad],
            &["hint", "--evidence", bad, "--log", &folder],
            &["snapshot", "--evidence", bad, "--log", &folder],
            &["sample", "--list", bad, "--seed", "07", "--flop", "1e25", "--rate", "4e14"],
            &["status", "--chain", bad, "--state", &folder, "--dev-account", "Alice"],
            &["status", "--chain", &good, "--state", &folder, "--key", bad],
        ] {
            let (code, said) = program(arguments);
            assert!(code == 2 && said.contains(bad), "{arguments:?}: {code} {said}");
        }
    }
    for bad in [piped.as_str(), "/dev/zero", &good, "/nonexistent"] {
        for option in ["--log", "--roots"] {
            let (code, said) = program(&["verify", "--evidence", &good, option, bad]);
            assert!(code == 2 && said.contains(bad), "{option} {bad}: {code} {said}");
        }
    }
    let (code, said) = program(&["verify", "--evidence", &good, "--roots", &at("piped")]);
    assert!(code == 2 && said.contains("a.pem") && said.contains("not a regular file"), "{code} {said}");
    fs::write(case.path("evidence.json"), "{}").unwrap();
    assert_eq!(program(&["verify", "--evidence", &good]).0, 1);
}

#[test]
fn streams_that_are_closed_or_full_change_no_exit_code() {
    let case = Case::signed_by(&SoftAk::new(1));
    let good = case.path("evidence.json");
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    let code = |evidence: &Path, out: Stdio, err: Stdio| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_matrixai-inspector"));
        program.args(["verify", "--evidence"]).arg(evidence).stdout(out).stderr(err);
        program.status().unwrap().code().unwrap()
    };
    for err in [closed(), full()] {
        assert_eq!(code(Path::new("/nonexistent"), Stdio::null(), err), 2);
    }
    assert_eq!(code(&good, closed(), closed()), 0);
    assert_eq!(code(&good, full(), full()), 1);
    let wrong = |err: Stdio| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_matrixai-inspector"));
        program.arg("verify").stderr(err).status().unwrap().code().unwrap()
    };
    assert_eq!((wrong(closed()), wrong(full())), (2, 2));
}

#[test]
fn what_roots_do_not_vouch_for_is_refused_and_the_exit_code_says_so() {
    let mut case = Case::signed_by(&SoftAk::new(1));
    let roots = case.path("roots");
    assert_eq!(case.run(&roots, &[]).0, 0);
    let genuine = case.bundle.ek_certificate.clone();
    let mut tampered = genuine.clone();
    *tampered.last_mut().unwrap() ^= 1;
    for (certificate, why) in [(tampered, "known root"), (Vec::new(), "no EK certificate")] {
        case.bundle.ek_certificate = certificate;
        case.write();
        let (code, said) = case.run(&roots, &[]);
        assert!(code == 1 && said.contains(why) && said.contains("--allow-unverified"), "{code} {said}");
        assert_eq!(case.run(&roots, &["--allow-unverified"]).0, 0);
    }
    case.bundle.ek_certificate = genuine;
    case.write();
    let empty = case.path("empty");
    fs::create_dir(&empty).unwrap();
    for folder in [empty, case.path("missing")] {
        assert_eq!(case.run(&folder, &[]).0, 2);
    }
    let strangers = case.path("strangers");
    fs::create_dir_all(strangers.join("virtual")).unwrap();
    let (code, said) = case.run(&strangers, &[]);
    assert!(code == 1 && said.contains("known root"), "{code} {said}");
}
