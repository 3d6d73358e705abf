//! Answers of TPMs that stutter, lie or break off: errors, never panics, and never endless.

#![allow(clippy::unwrap_used)]

mod common;

use proptest::prelude::*;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};
use tpm::{EkKind, KeyBlob, Tpm, TpmError, Transport, transport::AnyTransport};

/// Answers from a script, then the last answer again and again.
struct Scripted {
    answers: VecDeque<Vec<u8>>,
    seen: Rc<RefCell<Vec<u32>>>,
}

impl Transport for Scripted {
    fn transact(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError> {
        let code = u32::from_be_bytes(*command.get(6..).unwrap().first_chunk().unwrap());
        self.seen.borrow_mut().push(code);
        assert!(self.seen.borrow().len() < 2_000, "it goes on forever");
        match self.answers.len() {
            0 => Err(TpmError::Transport("gone".into())),
            1 => Ok(self.answers.front().unwrap().clone()),
            _ => Ok(self.answers.pop_front().unwrap()),
        }
    }
}

fn scripted(answers: impl IntoIterator<Item = Vec<u8>>) -> (Tpm<Scripted>, Rc<RefCell<Vec<u32>>>) {
    let seen = Rc::<RefCell<Vec<u32>>>::default();
    let transport = Scripted { answers: answers.into_iter().collect(), seen: Rc::clone(&seen) };
    (Tpm::with_pause(transport, |_| {}), seen)
}

fn answer(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(10 + body.len()).unwrap();
    [&tag.to_be_bytes()[..], &size.to_be_bytes(), &code.to_be_bytes(), body].concat()
}

fn refusal(code: u32) -> Vec<u8> {
    answer(0x8001, code, &[])
}

const CLOCK: [u8; 25] = [0; 25];

#[test]
fn a_busy_tpm_is_asked_again_with_growing_pauses() {
    thread_local!(static PAUSED: Cell<u128> = const { Cell::new(0) });
    for code in [0x922, 0x920, 0x908, 0x90A] {
        let answers = [refusal(code), refusal(code), refusal(code), answer(0x8001, 0, &CLOCK)];
        let seen = Rc::default();
        let transport = Scripted { answers: answers.into(), seen: Rc::clone(&seen) };
        PAUSED.set(0);
        let mut tpm = Tpm::with_pause(transport, |pause| PAUSED.set(PAUSED.get() * 100 + pause.as_millis()));
        tpm.clock().unwrap();
        assert_eq!(PAUSED.get(), 51_020);
        assert_eq!(seen.borrow().len(), 4);
    }
}

#[test]
fn a_tpm_that_stays_busy_is_given_up() {
    let (mut tpm, seen) = scripted([refusal(0x922)]);
    assert!(matches!(tpm.clock(), Err(TpmError::Response { code: 0x922, .. })));
    assert_eq!(seen.borrow().len(), 13);
    let (mut tpm, seen) = scripted([refusal(0x902)]);
    assert!(tpm.create_ak(EkKind::Rsa2048).is_err());
    assert!(seen.borrow().len() < 10);
}

#[test]
fn causes_have_names() {
    let said = |code| scripted([refusal(code)]).0.clock().unwrap_err();
    assert_eq!(said(0x921), TpmError::Lockout);
    assert!(matches!(said(0x9A2), TpmError::PasswordSet { .. }));
    assert!(matches!(said(0x98E), TpmError::PasswordSet { .. }));
    assert!(said(0x101).to_string().contains("ReadClock") || said(0x101).to_string().contains("READ_CLOCK"));
    assert!(said(0x101).to_string().contains("TPM_RC_FAILURE"));
    assert!(said(0xDEAD_BEEF).to_string().contains("0xDEADBEEF"));
    assert_eq!(scripted([refusal(0x100)]).0.startup(), Ok(()));
}

#[test]
fn nv_memory_that_is_full_has_a_name() {
    let (mut tpm, _) = scripted([refusal(0x18B), refusal(0x14B)]);
    assert_eq!(tpm.ensure_counter(), Err(TpmError::NvFull));
}

#[test]
fn a_strangers_index_is_no_counter() {
    // TPM2B_NV_PUBLIC of an ordinary index of eight bytes, and a name.
    let mut body = vec![0, 14, 0x01, 0x80, 0x0A, 0x11, 0x00, 0x0B, 0x20, 0x06, 0x00, 0x06, 0, 0, 0, 8];
    body.extend([0, 0]);
    let (mut tpm, seen) = scripted([answer(0x8001, 0, &body)]);
    assert_eq!(tpm.ensure_counter(), Err(TpmError::ForeignCounter));
    assert_eq!(seen.borrow().len(), 1, "it is left alone");
}

#[test]
fn a_broken_connection_is_not_asked_to_tidy_up() {
    let (mut tpm, seen) = scripted([]);
    assert!(matches!(tpm.create_ak(EkKind::Rsa2048), Err(TpmError::Transport(_))));
    assert_eq!(seen.borrow().len(), 1);
}

#[test]
fn one_pcr_too_few_ends_the_reading() {
    let nothing = answer(0x8001, 0, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(scripted([nothing]).0.read_pcrs(&[5]), Err(TpmError::NoPcr(5)));
}

/// Every operation, one after the other.
fn everything(tpm: &mut Tpm<Scripted>) {
    let blob = KeyBlob { public: vec![0; 30], private: vec![0; 30] };
    for kind in [EkKind::Rsa2048, EkKind::EccP256] {
        let _ = tpm.identity(kind);
        let _ = tpm.create_ak(kind);
        let _ = tpm.check_ak(kind, &blob);
        let _ = tpm.activate_credential(kind, &blob, &[1; 50], &[2; 50]);
        let _ = tpm.certify_counter(kind, &blob, &[3; 32]);
        let _ = tpm.quote(kind, &blob, &[4; 32], &[0, 23]);
    }
    let _ = (tpm.startup(), tpm.shutdown(), tpm.clear(), tpm.clock(), tpm.properties());
    let _ = (tpm.ensure_counter(), tpm.increment_counter(), tpm.read_counter());
    let _ = (tpm.read_pcrs(&[0, 5, 23]), tpm.extend_pcr(9, &[5; 32]));
    let _ = (tpm.seal(b"secret", &[7]), tpm.unseal(&blob, &[7]));
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let sized = proptest::collection::vec(any::<u8>(), 0..40)
        .prop_map(|bytes| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat());
    let part =
        prop_oneof![sized, proptest::collection::vec(0u8..4, 0..12), any::<[u8; 4]>().prop_map(Vec::from)];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let tag = prop_oneof![Just(0x8001u16), Just(0x8002)];
    let code = prop_oneof![16 => Just(0u32), 1 => 0x80u32..0xA00, 1 => 0x902u32..0x907];
    prop_oneof![
        8 => (tag, code, body()).prop_map(|(tag, code, body)| answer(tag, code, &body)),
        1 => proptest::collection::vec(any::<u8>(), 0..64),
    ]
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(frames in proptest::collection::vec(frame(), 1..40)) {
        // One operation must end within two thousand commands; all of them together get as many frames as there are.
        for skipped in 0..frames.len().min(8) {
            let (mut tpm, seen) = scripted(frames.iter().skip(skipped).cloned());
            everything(&mut tpm);
            seen.borrow_mut().clear();
        }
    }

    #[test]
    fn a_truncated_answer_is_an_error(cut in 0usize..35) {
        let whole = answer(0x8001, 0, &CLOCK);
        let (mut tpm, _) = scripted([whole.get(..cut).unwrap().to_vec()]);
        let malformed = matches!(tpm.clock(), Err(TpmError::Malformed { .. }));
        prop_assert!(malformed);
        let mut lying = whole.get(..cut).unwrap().to_vec();
        if let Some(size) = lying.get_mut(2..6) {
            size.copy_from_slice(&u32::try_from(cut).unwrap().to_be_bytes());
        }
        let malformed = matches!(scripted([lying]).0.clock(), Err(TpmError::Malformed { .. }));
        prop_assert!(malformed);
    }
}

/// Spoils one answer of a real software TPM: cuts it short, or flips a bit of it.
struct Spoiling {
    inner: AnyTransport,
    calm: u32,
    random: u64,
}

impl Spoiling {
    fn next(&mut self) -> usize {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap()
    }

    fn spoil(&mut self, mut answer: Vec<u8>) -> Vec<u8> {
        let at = self.next() % answer.len();
        match self.next() % 3 {
            0 => answer.truncate(at),
            1 => *answer.get_mut(at).unwrap() ^= 1 << (self.next() % 8),
            _ => {
                answer.truncate(at.max(10));
                let size = u32::try_from(answer.len()).unwrap();
                answer.get_mut(2..6).unwrap().copy_from_slice(&size.to_be_bytes());
            }
        }
        answer
    }
}

impl Transport for Spoiling {
    fn transact(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError> {
        let answer = self.inner.transact(command)?;
        let spoilt = self.calm == 0;
        self.calm = self.calm.wrapping_sub(1);
        Ok(if spoilt { self.spoil(answer) } else { answer })
    }

    fn release(&mut self) {
        self.inner.release();
    }
}

#[test]
fn one_spoilt_answer_of_a_real_tpm_does_no_lasting_harm() {
    let mut bench = common::bench();
    let kind = EkKind::EccP256;
    bench.tpm.ensure_counter().unwrap();
    let ak = bench.tpm.create_ak(kind).unwrap();
    let blob = bench.tpm.seal(b"secret", &[7]).unwrap();
    for round in 0..400u64 {
        let inner = AnyTransport::open(&bench.soft.url()).unwrap();
        let calm = u32::try_from(round % 10).unwrap();
        let mut tpm = Tpm::with_pause(Spoiling { inner, calm, random: round }, |_| {});
        match (round / 10) % 8 {
            0 => drop(tpm.identity(EkKind::Rsa2048)),
            1 => drop(tpm.create_ak(kind)),
            2 => drop(tpm.certify_counter(kind, &ak, &[1; 32])),
            3 => drop(tpm.quote(kind, &ak, &[2; 32], &[0, 7, 23])),
            4 => drop(tpm.read_pcrs(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])),
            5 => drop(tpm.seal(b"secret", &[7])),
            6 => drop(tpm.unseal(&blob, &[7])),
            _ => drop((tpm.properties(), tpm.clock())),
        }
    }
    bench.tpm.quote(kind, &ak, &[3; 32], &[0]).unwrap();
    assert_eq!(bench.tpm.unseal(&blob, &[7]).unwrap(), b"secret");
}
