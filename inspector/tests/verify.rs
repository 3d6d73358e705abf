//! The offline check, against somebody who has a victim's public key and certificate, and no TPM.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use attest::forge::SoftAk;
use evidence::{Bundle, Signed};
use inspector::{
    chain_word::Mismatch,
    error::Error,
    verify::{Against, Verified, verify},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
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
            "epoch": 0, "enrolled": 9, "anchors": 3, "seen": 22, "due": 92, "lapses": 1, "absent": 7,
            "log_lost": false, "floor": 0,
            "anchor": { "counter": counter, "size": counter * 10, "root": hex::encode([counter as u8; 32]), "block": 5, "at": 6 },
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
    assert_eq!(with("/anchor", Value::Null), Mismatch::NoAnchor(0));
    assert_eq!(with("/anchor/counter", 8.into()), Mismatch::NotShown(8));
    assert_eq!(with("/anchor/counter", 4.into()), Mismatch::NotShown(4));
    assert_eq!(with("/anchor/size", 71.into()), Mismatch::AnotherAnchor(7));
    assert_eq!(with("/anchor/root", "08".repeat(32).into()), Mismatch::AnotherAnchor(7));
    let mut lost = case.word(&ak, 7);
    (lost["log_lost"], lost["floor"]) = (true.into(), 5.into());
    assert_eq!(case.mismatch(&lost), Mismatch::LostLog { index: 0, counter: 5, floor: 5 });
    assert!(matches!(case.held_against(&json!([])), Err(Error::Word(_))));
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
