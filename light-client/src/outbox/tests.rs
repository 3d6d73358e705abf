//! The outbox against a simulated chain that drops, refuses, reorganises and lags, with crashes in between.

use super::*;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

const ACCOUNT: [u8; 32] = [1; 32];
/// Short, so that expiry is met often.
const LIFE: u64 = 6;

fn intent(key: u8) -> Intent {
    Intent { kind: "test".into(), key: vec![key], body: vec![key; 3] }
}

/// A chain of blocks of intents' keys. A key may have its effect once only if the nonce rules hold.
#[derive(Default)]
struct Chain {
    blocks: Vec<Vec<(Extrinsic, u8)>>,
    finalized: usize,
    pool: Vec<(Extrinsic, u8)>,
    /// What the pool says about an extrinsic when next asked.
    verdicts: BTreeMap<Vec<u8>, Offer>,
    refuse_all: bool,
    fail: bool,
    /// What the pool holds; all where there is no bound.
    room: Option<usize>,
    /// A block is made and finalised just before the look at the chain after so many.
    moves_after: Option<usize>,
}

impl Chain {
    fn nonce(blocks: &[Vec<(Extrinsic, u8)>]) -> u64 {
        blocks.iter().flatten().filter(|(extrinsic, _)| extrinsic.signed_by.is_some()).count() as u64
    }

    fn valid(&self, extrinsic: &Extrinsic) -> bool {
        let next = Self::nonce(&self.blocks);
        (self.blocks.len() as u64) < extrinsic.expires_at
            && extrinsic.signed_by.is_none_or(|signed| signed.nonce == next)
    }

    fn author(&mut self, include: bool) {
        let mut block = Vec::new();
        self.blocks.push(Vec::new());
        if include {
            for (extrinsic, key) in self.pool.clone() {
                let number = self.blocks.len() - 1;
                if self.valid(&extrinsic) && !self.blocks.iter().flatten().any(|(old, _)| *old == extrinsic) {
                    self.blocks[number].push((extrinsic.clone(), key));
                    block.push(extrinsic);
                }
            }
            // Whoever has an effect on chain leaves the pool.
            self.pool.retain(|(extrinsic, _)| !block.contains(extrinsic));
        }
    }

    fn finalize(&mut self) {
        self.finalized = self.blocks.len();
        for (extrinsic, _) in self.blocks.iter().flatten() {
            self.verdicts.insert(extrinsic.bytes.clone(), Offer::Finalized(Default::default()));
        }
    }

    /// The unfinalised blocks are abandoned; their extrinsics may return to somebody's pool.
    fn reorganise(&mut self) {
        let abandoned: Vec<_> = self.blocks.drain(self.finalized..).flatten().collect();
        self.pool.extend(abandoned);
    }

    fn effects(&self) -> BTreeMap<u8, usize> {
        let mut effects = BTreeMap::new();
        for (_, key) in self.blocks[..self.finalized].iter().flatten() {
            *effects.entry(*key).or_default() += 1;
        }
        effects
    }
}

struct World(Mutex<Chain>);

impl World {
    fn new() -> Self {
        Self(Mutex::new(Chain::default()))
    }

    fn chain(&self) -> std::sync::MutexGuard<'_, Chain> {
        self.0.lock().unwrap()
    }

    /// As the outbox sees it: it may have moved since the last look.
    fn look(&self) -> std::sync::MutexGuard<'_, Chain> {
        let mut chain = self.chain();
        if chain.moves_after == Some(0) {
            chain.author(true);
            chain.finalize();
        }
        chain.moves_after = chain.moves_after.and_then(|looks| looks.checked_sub(1));
        chain
    }
}

impl Network for World {
    async fn heads(&self) -> Result<Heads, Error> {
        let chain = self.look();
        Ok(Heads { best: chain.blocks.len() as u64, finalized: chain.finalized as u64 })
    }

    async fn nonce(&self, _: [u8; 32]) -> Result<u64, Error> {
        let chain = self.look();
        Ok(Chain::nonce(&chain.blocks[..chain.finalized]))
    }

    async fn offer(&self, extrinsic: &Extrinsic) -> Result<Offer, Error> {
        let mut chain = self.look();
        if let Some(verdict) = chain.verdicts.remove(&extrinsic.bytes) {
            return Ok(verdict);
        }
        let past = extrinsic.signed_by.is_some_and(|signed| signed.nonce < Chain::nonce(&chain.blocks));
        let included = chain.blocks.iter().flatten().any(|(old, _)| old == extrinsic);
        if chain.refuse_all || past || included {
            return Ok(Offer::Refused("stale".into()));
        }
        let key = extrinsic.bytes[0];
        if !chain.pool.iter().any(|(old, _)| old == extrinsic) {
            if chain.room.is_some_and(|room| chain.pool.len() >= room) {
                return Ok(Offer::Dropped("no room".into()));
            }
            chain.pool.push((extrinsic.clone(), key));
        }
        Ok(Offer::Pending)
    }
}

impl Resolver for World {
    fn account(&self) -> Option<[u8; 32]> {
        Some(ACCOUNT)
    }

    async fn is_done(&self, intent: &Intent) -> Result<bool, Error> {
        let chain = self.look();
        Ok(!chain.fail && chain.effects().contains_key(&intent.key[0]))
    }

    async fn build(&self, intent: &Intent, nonce: u64) -> Result<Extrinsic, Error> {
        let chain = self.look();
        let height = chain.finalized as u64;
        let mut bytes = intent.key.clone();
        bytes.extend(nonce.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        let signed_by = Some(SignedBy { account: ACCOUNT, nonce });
        Ok(Extrinsic { bytes, signed_by, expires_at: height + LIFE })
    }
}

/// An outbox whose process can be killed: nothing but the file survives.
struct Process {
    folder: tempfile::TempDir,
    outbox: RefCell<Option<Outbox>>,
}

impl Process {
    fn new() -> Self {
        let process = Self { folder: tempfile::tempdir().unwrap(), outbox: RefCell::default() };
        process.restart();
        process
    }

    fn restart(&self) {
        self.outbox.replace(None);
        let opened = Outbox::open(&self.folder.path().join("outbox")).unwrap();
        self.outbox.replace(Some(opened));
    }

    fn enqueue(&self, key: u8) -> Enqueued {
        self.outbox.borrow().as_ref().unwrap().enqueue(intent(key)).unwrap()
    }

    fn step(&self, world: &World) -> Report {
        let outbox = self.outbox.borrow();
        futures::executor::block_on(outbox.as_ref().unwrap().step(world, world)).unwrap()
    }

    fn entries(&self) -> Vec<Entry> {
        self.outbox.borrow().as_ref().unwrap().entries().unwrap()
    }

    fn remake(&self, report: &Report) {
        for entry in &report.expired {
            self.outbox.borrow().as_ref().unwrap().remake(entry.number, None).unwrap();
        }
    }
}

#[test]
fn an_intent_reaches_the_chain_and_is_let_go() {
    let (world, process) = (World::new(), Process::new());
    assert_eq!(process.enqueue(7), Enqueued::New(0));
    assert_eq!(process.step(&world).pending, 1);
    world.chain().author(true);
    assert_eq!(process.step(&world).pending, 1, "a block that is not final proves nothing");
    world.chain().finalize();
    assert_eq!(process.step(&world).done.len(), 1);
    assert!(process.entries().is_empty());
    assert_eq!(process.enqueue(7), Enqueued::AlreadyDone);
}

#[test]
fn what_was_kept_survives_a_crash_with_the_same_bytes() {
    let (world, process) = (World::new(), Process::new());
    process.enqueue(1);
    process.step(&world);
    let before = process.entries();
    world.chain().pool.clear();
    process.restart();
    assert_eq!(process.entries(), before);
    process.step(&world);
    let State::Submitted { extrinsic, .. } = &before[0].state else { panic!("submitted") };
    assert_eq!(world.chain().pool, vec![(extrinsic.clone(), 1)]);
}

#[test]
fn a_drop_is_answered_with_the_same_bytes() {
    let (world, process) = (World::new(), Process::new());
    process.enqueue(1);
    process.step(&world);
    let sent = world.chain().pool.pop().unwrap();
    world.chain().verdicts.insert(sent.0.bytes.clone(), Offer::Dropped("gap".into()));
    process.step(&world);
    process.step(&world);
    assert_eq!(world.chain().pool, vec![sent]);
    assert_eq!(process.entries()[0].attempts, 1);
}

#[test]
fn what_expires_comes_back_and_can_be_made_again() {
    let (world, process) = (World::new(), Process::new());
    process.enqueue(1);
    process.step(&world);
    world.chain().pool.clear();
    for _ in 0..LIFE {
        world.chain().author(false);
    }
    world.chain().finalize();
    let report = process.step(&world);
    assert_eq!(report.expired[0].state, State::Expired(Reason::Mortality));
    process.restart();
    assert_eq!(process.step(&world).expired.len(), 1, "it waits for its owner across crashes");
    process.outbox.borrow().as_ref().unwrap().remake(0, Some(vec![9])).unwrap();
    assert_eq!(process.entries()[0].intent.body, vec![9]);
    process.step(&world);
    world.chain().author(true);
    world.chain().finalize();
    assert_eq!(process.step(&world).done.len(), 1);
}

#[test]
fn several_intents_take_nonces_in_turn_and_keep_them() {
    let (world, process) = (World::new(), Process::new());
    for key in 1..=3 {
        process.enqueue(key);
    }
    process.step(&world);
    let nonces: Vec<_> = process.entries().iter().map(|entry| entry.reserved.unwrap().nonce).collect();
    assert_eq!(nonces, [0, 1, 2]);
    world.chain().author(true);
    world.chain().finalize();
    assert_eq!(process.step(&world).done.len(), 3);
}

#[test]
fn a_refusal_because_it_is_in_the_best_block_is_not_a_loss() {
    let (world, process) = (World::new(), Process::new());
    process.enqueue(1);
    process.step(&world);
    world.chain().author(true);
    process.restart();
    assert_eq!(process.step(&world).pending, 1, "refused as stale, but perhaps by its own inclusion");
    assert_eq!(process.step(&world).pending, 1, "and so for as long as that is open");
    world.chain().author(false);
    world.chain().finalize();
    assert_eq!(process.step(&world).done.len(), 1);
}

#[test]
fn a_block_between_two_looks_is_not_mistaken_for_a_loss() {
    for looks in 0..12 {
        let (world, process) = (World::new(), Process::new());
        process.enqueue(1);
        process.enqueue(2);
        process.step(&world);
        world.chain().moves_after = Some(looks);
        for _ in 0..3 {
            let report = process.step(&world);
            assert!(report.expired.is_empty(), "{looks}: {report:?}");
        }
        assert!(process.entries().is_empty(), "{looks}");
    }
}

#[test]
fn a_refusal_stands_once_its_block_is_final() {
    let (world, process) = (World::new(), Process::new());
    world.chain().refuse_all = true;
    process.enqueue(1);
    assert!(process.step(&world).expired.is_empty());
    world.chain().author(false);
    world.chain().finalize();
    assert_eq!(process.step(&world).expired[0].state, State::Expired(Reason::Refused("stale".into())));
}

#[test]
fn a_nonce_used_without_effect_is_a_loss() {
    let (world, process) = (World::new(), Process::new());
    world.chain().fail = true;
    process.enqueue(1);
    process.step(&world);
    world.chain().author(true);
    world.chain().finalize();
    assert_eq!(process.step(&world).expired[0].state, State::Expired(Reason::NonceTaken));
}

#[test]
fn the_one_that_all_wait_for_finds_room() {
    let (world, process) = (World::new(), Process::new());
    world.chain().room = Some(64);
    // The very first is lost on its way once: all later ones wait for its nonce.
    world.chain().verdicts.insert(vec![0; 17], Offer::Dropped("lost".into()));
    (0..200).for_each(|key| {
        process.enqueue(key);
    });
    for _ in 0..12 {
        let report = process.step(&world);
        assert!(report.expired.is_empty(), "{:?}", report.expired);
        world.chain().author(true);
        world.chain().finalize();
    }
    assert_eq!(process.entries(), []);
    assert!(world.chain().effects().values().all(|times| *times == 1));
}

#[test]
fn a_forgotten_intent_may_come_again() {
    let process = Process::new();
    process.enqueue(1);
    assert_eq!(process.enqueue(1), Enqueued::AlreadyOpen(0));
    process.outbox.borrow().as_ref().unwrap().forget(0).unwrap();
    assert_eq!(process.enqueue(1), Enqueued::New(1));
    let error = process.outbox.borrow().as_ref().unwrap().forget(0).unwrap_err();
    assert!(matches!(error, Error::UnknownEntry(0)));
}

#[test]
fn only_what_expired_can_be_made_again() {
    let process = Process::new();
    process.enqueue(1);
    let error = process.outbox.borrow().as_ref().unwrap().remake(0, None).unwrap_err();
    assert!(matches!(error, Error::UnknownEntry(0)));
}

#[test]
fn two_processes_cannot_hold_one_outbox() {
    let process = Process::new();
    assert!(matches!(Outbox::open(&process.folder.path().join("outbox")), Err(Error::Outbox(_))));
}

#[derive(Debug, Clone)]
enum Happening {
    Enqueue(u8),
    Step,
    Crash,
    LosePool,
    Refuse(bool),
    MoveAfter(usize),
    Author(bool),
    Finalize,
    Reorganise,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (0u8..6).prop_map(Happening::Enqueue),
        6 => Just(Happening::Step),
        2 => Just(Happening::Crash),
        1 => Just(Happening::LosePool),
        1 => any::<bool>().prop_map(Happening::Refuse),
        2 => (0usize..12).prop_map(Happening::MoveAfter),
        4 => any::<bool>().prop_map(Happening::Author),
        3 => Just(Happening::Finalize),
        1 => Just(Happening::Reorganise),
    ]
}

fn happen(happening: Happening, world: &World, process: &Process, wanted: &mut BTreeSet<u8>) {
    match happening {
        Happening::Enqueue(key) => {
            process.enqueue(key);
            wanted.insert(key);
        }
        Happening::Step => {
            let report = process.step(world);
            process.remake(&report);
        }
        Happening::Crash => process.restart(),
        Happening::LosePool => world.chain().pool.clear(),
        Happening::Refuse(refuse) => world.chain().refuse_all = refuse,
        Happening::MoveAfter(looks) => world.chain().moves_after = Some(looks),
        Happening::Author(include) => world.chain().author(include),
        Happening::Finalize => world.chain().finalize(),
        Happening::Reorganise => world.chain().reorganise(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever happens, each intent has its effect in the end, and has it once.
    #[test]
    fn each_intent_takes_effect_once(happenings in prop::collection::vec(happening(), 0..60)) {
        let (world, process) = (World::new(), Process::new());
        let mut wanted = BTreeSet::new();
        for one in happenings {
            happen(one, &world, &process, &mut wanted);
        }
        world.chain().refuse_all = false;
        world.chain().moves_after = None;
        for _ in 0..8 * LIFE {
            let report = process.step(&world);
            process.remake(&report);
            world.chain().author(true);
            world.chain().finalize();
        }
        process.step(&world);
        prop_assert!(process.entries().is_empty(), "{:?}", process.entries());
        let effects = world.chain().effects();
        prop_assert_eq!(effects.keys().copied().collect::<BTreeSet<_>>(), wanted);
        prop_assert!(effects.values().all(|times| *times == 1), "{effects:?}");
    }
}

#[test]
fn a_damaged_file_is_named_and_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.redb");
    let outbox = Outbox::open(&path).unwrap();
    for key in 0..20 {
        outbox.enqueue(intent(key)).unwrap();
    }
    drop(outbox);
    let sound = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (0..sound.len()).step_by(sound.len() / 60).chain(0..64) {
        let mut bytes = sound.clone();
        bytes.iter_mut().skip(at).take(512).for_each(|byte| *byte ^= 0xA5);
        std::fs::write(&path, bytes).unwrap();
        // Unused pages may be anything; what opens must be readable.
        match Outbox::open(&path) {
            Ok(outbox) => assert!(outbox.entries().unwrap().len() <= 20),
            Err(error) => {
                assert!(error.to_string().contains("outbox.redb"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    std::fs::write(&path, b"not a database").unwrap();
    assert!(matches!(Outbox::open(&path), Err(crate::Error::OutboxDamaged { .. })));
}
