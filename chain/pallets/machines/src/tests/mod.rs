//! The pallet with the real pallets around it, software attestation keys, and clocks that the tests turn.

mod attacks;
mod encodings;
mod forks;
mod life;
mod questions;
mod requests;

use crate as pallet_machines;
use crate::{Devices, Machines, Requests, types::*};
use attest::{
    Frontier, Record, Statement,
    forge::SoftAk,
    leaf_hash, machine_id,
    proof::{Nodes, prove_consistency, prove_inclusion, root_at},
    record::{Body, Gap, GapReason, Join, text},
    statement::{
        DelegationFields, RequestFields, answer, answer_commitment, delegation_digest, request_digest,
    },
};
use credential::{EkPublic, Randomness, make_credential};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU128, Hooks},
};
use polkadot_sdk::*;
use sp_core::{H256, Pair, ed25519};
use sp_runtime::{BuildStorage, traits::IdentityLookup};

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Draw: pallet_draw,
        Inspectors: pallet_inspectors,
        MachinesPallet: pallet_machines,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = Account;
    type Lookup = IdentityLookup<Account>;
    type AccountData = pallet_balances::AccountData<u128>;
    type BlockHashCount = frame_support::traits::ConstU64<4096>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<1>;
    type RuntimeHoldReason = RuntimeHoldReason;
}

parameter_types! {
    pub static Epoch: u64 = 0;
}

/// Epochs that the test turns; each announces a seed of its own.
pub struct Clock;
impl pallet_draw::Epochs for Clock {
    fn index() -> u64 {
        Epoch::get()
    }
    fn announced_randomness() -> pallet_draw::Seed {
        [Epoch::get() as u8; 32]
    }
}

impl pallet_draw::Config for Test {
    type WeightInfo = pallet_draw::weights::Measured<()>;
    type Epochs = Clock;
}

pub const BOND: u128 = 1_000;
pub const FINE: u128 = 10;
impl pallet_inspectors::Config for Test {
    type WeightInfo = pallet_inspectors::weights::Measured<()>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Draw = Draw;
    type Bond = ConstU128<BOND>;
    type Fine = ConstU128<FINE>;
    type Unbonding = frame_support::traits::ConstU64<100>;
    type Most = ConstU32<64>;
}

pub const DEPOSIT: u128 = 100;
pub const FEE: u128 = 5;
pub const REPORT_BOND: u128 = 50;
pub const PERIOD: u32 = 10;
pub const GRACE: u32 = 20;
pub const DUTY_BLOCKS: u32 = 30;
pub const UNBONDING: u32 = 100;
impl pallet_machines::Config for Test {
    type WeightInfo = crate::weights::Measured<()>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Draw = Draw;
    type Inspection = Inspectors;
    type OnStanding = Told;
    type Deposit = ConstU128<DEPOSIT>;
    type RecordDeposit = ConstU128<10>;
    type Unbonding = ConstU32<UNBONDING>;
    type InspectionFee = ConstU128<FEE>;
    type ReportBond = ConstU128<REPORT_BOND>;
    type Freshness = ConstU32<256>;
    type AnchorPeriod = ConstU32<PERIOD>;
    type AnchorGrace = ConstU32<GRACE>;
    type DutyBlocks = ConstU32<DUTY_BLOCKS>;
}

parameter_types! {
    /// What was told of machines, in order.
    pub static Heard: Vec<(MachineId, Account, Standing)> = Vec::new();
}

/// Writes down what it is told.
pub struct Told;
impl crate::OnStanding for Told {
    fn changed(machine: &MachineId, owner: &Account, standing: Standing) {
        Heard::mutate(|heard| heard.push((*machine, owner.clone(), standing)));
    }
    fn weight() -> frame_support::weights::Weight {
        Default::default()
    }
}

pub const OWNER: Account = Account::new([1; 32]);
pub const REPORTER: Account = Account::new([3; 32]);
pub const RICH: u128 = 1_000_000;

pub fn inspector(number: u8) -> Account {
    Account::new([100 + number; 32])
}

/// Five inspectors, an owner, a reporter; block 1 of epoch 1.
pub fn run(test: impl FnOnce()) {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let mut rich: Vec<Account> = (0..5).map(inspector).collect();
    pallet_balances::GenesisConfig::<Test> {
        balances: rich.iter().chain([&OWNER, &REPORTER]).map(|account| (account.clone(), RICH)).collect(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    pallet_inspectors::GenesisConfig::<Test> { inspectors: std::mem::take(&mut rich) }
        .assimilate_storage(&mut storage)
        .unwrap();
    let mut externalities = sp_io::TestExternalities::new(storage);
    externalities.execute_with(|| {
        Epoch::set(1);
        frame_system::BlockHash::<Test>::insert(0, H256([9; 32]));
        go(1);
        test();
    });
}

pub fn block_hash(number: u32) -> [u8; 32] {
    sp_io::hashing::blake2_256(&number.to_le_bytes())
}

/// Goes through `count` blocks.
pub fn go(count: u32) {
    for _ in 0..count {
        let next = System::block_number() + 1;
        if next > 1 {
            frame_system::BlockHash::<Test>::insert(next - 1, H256(block_hash(next as u32 - 1)));
        }
        System::set_block_number(next);
        Draw::on_initialize(next);
        MachinesPallet::on_initialize(next);
    }
}

/// Two epochs on: what froze can be drawn.
pub fn go_to_draw() {
    for _ in 0..2 {
        Epoch::set(Epoch::get() + 1);
        go(1);
    }
}

pub fn recent() -> BlockRef {
    let number = System::block_number() as u32 - 1;
    BlockRef { number, hash: if number == 0 { [9; 32] } else { block_hash(number) } }
}

/// A log in memory.
#[derive(Clone, Default)]
pub struct Log(pub Vec<Vec<u8>>);

impl Nodes for Log {
    fn node(&self, level: u8, index: u64) -> Option<attest::Hash> {
        if level == 0 {
            return self.0.get(index as usize).map(|record| leaf_hash(record));
        }
        let (left, right) = (self.node(level - 1, index * 2)?, self.node(level - 1, index * 2 + 1)?);
        Some(attest::node_hash(&left, &right))
    }
}

impl Log {
    pub fn starting_with_join(machine: MachineId) -> Self {
        let join = Join {
            machine,
            host: [5; 32],
            kernel: text("6.1"),
            agent: text("0.1"),
            cpus: 8,
            memory_mib: 1024,
        };
        let record = Record { seq: 0, time_ms: 1, boot: 1, body: Body::Join(join) };
        Self(vec![record.encode().unwrap().to_vec()])
    }

    pub fn grow(&mut self, by: u64) {
        for _ in 0..by {
            let seq = self.0.len() as u64;
            let body = Body::Gap(Gap { from_ms: seq, to_ms: seq + 1, reason: GapReason::Stopped });
            self.0.push(Record { seq, time_ms: seq, boot: 1, body }.encode().unwrap().to_vec());
        }
    }

    pub fn size(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn head(&self) -> LogHead {
        let mut frontier = Frontier::new();
        self.0.iter().for_each(|record| frontier.append(leaf_hash(record)).unwrap());
        assert_eq!(root_at(self, self.size()).unwrap(), frontier.root());
        LogHead { size: self.size(), root: frontier.root() }
    }

    pub fn consistency(&self, from: u64) -> MerkleProof {
        prove_consistency(self, from, self.size()).unwrap().to_vec().try_into().unwrap()
    }
}

/// A machine whose TPM is software: EK, AK, counter, device key, log.
#[derive(Clone)]
pub struct Rig {
    pub ek_public: Vec<u8>,
    pub ak_seed: u8,
    pub device: ed25519::Pair,
    pub token: ed25519::Pair,
    pub counter: u64,
    pub resets: u32,
    pub log: Log,
}

impl Rig {
    pub fn new(number: u8) -> Self {
        let ek_public = rsa_ek(number);
        Self {
            log: Log::starting_with_join(machine_id(&ek_public)),
            ek_public,
            ak_seed: number,
            device: ed25519::Pair::from_seed(&[number; 32]),
            token: ed25519::Pair::from_seed(&[200; 32]),
            counter: 0,
            resets: 1,
        }
    }

    pub fn id(&self) -> MachineId {
        machine_id(&self.ek_public)
    }

    pub fn ak(&self) -> SoftAk {
        SoftAk::new(self.ak_seed)
    }

    pub fn account(&self) -> Account {
        Account::new(self.device.public().0)
    }

    pub fn statement(&self, block: &BlockRef) -> Statement {
        let LogHead { size, root } = self.log.head();
        Statement {
            genesis: [9; 32],
            block: block.hash,
            machine: self.id(),
            size,
            root,
            device_key: self.device.public().0,
        }
    }

    /// A request that nothing is wrong with.
    pub fn enrolment(&self) -> Enrolment {
        let block = recent();
        let (message, signature) = self.ak().quote(&self.statement(&block), self.resets);
        let mut enrolment = Enrolment {
            token: self.token.public().0,
            device: self.device.public().0,
            ek_public: self.ek_public.clone().try_into().unwrap(),
            ek_certificate: Default::default(),
            ak_public: self.ak().public_area().to_vec().try_into().unwrap(),
            block,
            log: self.log.head(),
            quote: Attestation { message: message.to_vec().try_into().unwrap(), signature },
            join_record: self.log.0[0].clone().try_into().unwrap(),
            join_proof: prove_inclusion(&self.log, 0, self.log.size()).unwrap().to_vec().try_into().unwrap(),
            consistency: Default::default(),
            token_signature: [0; 64],
            device_signature: [0; 64],
        };
        self.sign(&mut enrolment);
        enrolment
    }

    pub fn sign(&self, enrolment: &mut Enrolment) {
        let digest = request_id(enrolment);
        enrolment.token_signature = self.token.sign(&digest).0;
        enrolment.device_signature = self.device.sign(&digest).0;
    }

    /// The next anchor: the counter goes up, whatever becomes of it.
    pub fn anchor(&mut self) -> AnchorCall {
        self.counter += 1;
        let block = recent();
        let (message, signature) = self.ak().anchor(&self.statement(&block), self.counter, self.resets);
        let last = Machines::<Test>::get(self.id()).map_or(0, |machine| machine.head.size);
        AnchorCall {
            block,
            log: self.log.head(),
            certified: Attestation { message: message.to_vec().try_into().unwrap(), signature },
            consistency: if last <= self.log.size() {
                self.log.consistency(last)
            } else {
                Default::default()
            },
        }
    }

    pub fn testimony(&mut self) -> Testimony {
        let device = self.device.public().0;
        let AnchorCall { block, log, certified, .. } = self.anchor();
        Testimony { block_hash: block.hash, log, device, certified }
    }

    pub fn send(&self, call: &AnchorCall) -> Result<(), &'static str> {
        let result = MachinesPallet::anchor(RuntimeOrigin::signed(self.account()), call.clone());
        named(result.map(|_| ()).map_err(|error| error.error))
    }

    /// A delegation to the device key that the rig has by now.
    pub fn delegation(&self) -> Delegation {
        let block = recent();
        let statement = self.statement(&block);
        let (message, signature) = self.ak().quote(&statement, self.resets);
        let fields =
            DelegationFields { statement: &statement, quote_message: &message, quote_signature: &signature };
        let device_signature = self.device.sign(&delegation_digest(&fields)).0;
        Delegation {
            machine: self.id(),
            device: self.device.public().0,
            block,
            log: self.log.head(),
            quote: Attestation { message: message.to_vec().try_into().unwrap(), signature },
            device_signature,
        }
    }
}

pub fn request_id(enrolment: &Enrolment) -> RequestId {
    request_digest(&RequestFields {
        genesis: &[9; 32],
        token: &enrolment.token,
        device: &enrolment.device,
        ek_public: &enrolment.ek_public,
        ek_certificate: &enrolment.ek_certificate,
        ak_public: &enrolment.ak_public,
        block_hash: &enrolment.block.hash,
        size: enrolment.log.size,
        root: &enrolment.log.root,
        quote_message: &enrolment.quote.message,
        quote_signature: &enrolment.quote.signature,
    })
}

/// A default RSA-2048 endorsement key; nobody knows its factors.
pub fn rsa_ek(number: u8) -> Vec<u8> {
    let mut area = hex::decode(
        "0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa0006008000430010080000000000\
         0100",
    )
    .unwrap();
    let mut modulus = [number; 256];
    modulus[0] |= 0x80;
    modulus[255] |= 1;
    area.extend(modulus);
    assert!(EkPublic::parse(&area).is_ok());
    area
}

pub fn token(machines: u32) {
    let key = ed25519::Pair::from_seed(&[200; 32]).public().0;
    MachinesPallet::create_token(RuntimeOrigin::signed(OWNER), key, machines, 100_000).unwrap();
}

/// What a pool does first, then a block: both must say the same.
pub fn request(enrolment: &Enrolment) -> Result<RequestId, &'static str> {
    use frame_support::traits::Authorize;
    let call = crate::Call::<Test>::request { enrolment: enrolment.clone() };
    let pool = call.authorize(sp_runtime::transaction_validity::TransactionSource::External).unwrap();
    let origin: RuntimeOrigin = frame_system::Origin::<Test>::Authorized.into();
    let block = MachinesPallet::request(origin, enrolment.clone());
    assert_eq!(pool.is_ok(), block.is_ok());
    named(block).map(|()| request_id(enrolment))
}

pub fn delegate(delegation: &Delegation) -> Result<(), &'static str> {
    use frame_support::traits::Authorize;
    let call = crate::Call::<Test>::delegate { delegation: delegation.clone() };
    let pool = call.authorize(sp_runtime::transaction_validity::TransactionSource::External).unwrap();
    let origin: RuntimeOrigin = frame_system::Origin::<Test>::Authorized.into();
    let block = MachinesPallet::delegate(origin, delegation.clone());
    assert_eq!(pool.is_ok(), block.is_ok());
    named(block)
}

/// The name of a pallet's error.
pub fn named(result: Result<(), sp_runtime::DispatchError>) -> Result<(), &'static str> {
    result.map_err(|error| match error {
        sp_runtime::DispatchError::Module(error) => error.message.unwrap(),
        other => panic!("{other:?}"),
    })
}

pub fn randomness() -> Randomness {
    Randomness { seed: [11; 32], oaep_seed: [12; 32] }
}

pub const SECRET: [u8; 32] = [13; 32];

/// What an honest inspector posts.
pub fn challenge(id: RequestId, inspector: &Account, level: Level) -> Challenge {
    let request = Requests::<Test>::get(id).unwrap();
    let ek = EkPublic::parse(&request.ek_public).unwrap();
    let name = attest::object_name(&request.ak_public);
    let made = make_credential(&ek, &name, &SECRET, &randomness()).unwrap();
    Challenge {
        id_object: made.id_object.try_into().unwrap(),
        encrypted_secret: made.encrypted_secret.try_into().unwrap(),
        commitment: answer_commitment(&answer(&id, inspector.as_ref(), &SECRET)),
        level,
    }
}

pub fn post(id: RequestId, inspector: &Account, challenge: Challenge) -> Result<(), &'static str> {
    named(MachinesPallet::challenge(RuntimeOrigin::signed(inspector.clone()), id, challenge))
}

/// What the machine posts once its TPM has opened the credential.
pub fn answer_with(
    device: &Account,
    id: RequestId,
    inspector: &Account,
    secret: &[u8],
) -> Result<(), &'static str> {
    let answer = answer(&id, inspector.as_ref(), secret);
    named(MachinesPallet::answer(RuntimeOrigin::signed(device.clone()), id, inspector.clone(), answer))
}

pub fn drawn(id: RequestId) -> Vec<Account> {
    Requests::<Test>::get(id).unwrap().duties.into_iter().map(|duty| duty.inspector).collect()
}

/// Requests, and gets inspectors.
pub fn requested(rig: &Rig) -> (RequestId, Vec<Account>) {
    requested_with(&rig.enrolment())
}

fn requested_with(enrolment: &Enrolment) -> (RequestId, Vec<Account>) {
    let id = request(enrolment).unwrap();
    go_to_draw();
    (id, drawn(id))
}

/// A machine that is enrolled.
pub fn enrolled(number: u8) -> Rig {
    let rig = Rig::new(number);
    enrol(&rig);
    rig
}

pub fn enrol(rig: &Rig) {
    enrol_with(rig, &rig.enrolment());
}

/// Enrols by a request of one's own making.
pub fn enrol_with(rig: &Rig, enrolment: &Enrolment) {
    token(1);
    let (id, inspectors) = requested_with(enrolment);
    for inspector in &inspectors {
        post(id, inspector, challenge(id, inspector, Level::Hardware)).unwrap();
    }
    for inspector in inspectors.iter().take(2) {
        answer_with(&rig.account(), id, inspector, &SECRET).unwrap();
    }
    assert_eq!(machine(rig).standing, Standing::Active);
    // Each test may make the same token anew.
    let _ = MachinesPallet::revoke_token(RuntimeOrigin::signed(OWNER), rig.token.public().0);
}

pub fn machine(rig: &Rig) -> Machine {
    Machines::<Test>::get(rig.id()).unwrap()
}

/// Runs an attack that must fail by this name and leave everything about machines as it was.
pub fn refused(name: &str, attack: impl FnOnce() -> Result<(), &'static str>) {
    let before = (Machines::<Test>::iter().collect::<Vec<_>>(), Devices::<Test>::iter().collect::<Vec<_>>());
    assert_eq!(attack(), Err(name));
    let after = (Machines::<Test>::iter().collect::<Vec<_>>(), Devices::<Test>::iter().collect::<Vec<_>>());
    assert!(before == after, "{name} changed a machine");
}
