//! The pallet with the real pallets around it, machines in a list, real results of small tasks, and clocks that the tests turn.

mod assignment;
mod bonds;
mod calls;
mod lies;
mod publishers;
mod results;
mod windows;

use crate as pallet_drilling;
use crate::{Disclosures, Disputes, Event, Fleet, Member, Synthetic, Tasks, Workers, types::*};
use drilling::{
    Class, Kernel, Layer, Layers, Outcome, Question, Spec, Step, Task, Trail, layer_root,
    prove::{self, Place},
    reference,
};
use frame_support::{
    BoundedVec, derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Hooks},
};
use pallet_machines::{
    OnStanding,
    types::{Account, Level, MachineId, Standing},
};
use polkadot_sdk::*;
use sp_runtime::{
    BuildStorage,
    traits::{Dispatchable, IdentityLookup},
};

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Draw: pallet_draw,
        Inspectors: pallet_inspectors,
        Ecp: pallet_ecp,
        Drilling: pallet_drilling,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = Account;
    type Lookup = IdentityLookup<Account>;
    type AccountData = pallet_balances::AccountData<u128>;
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
    pub static Seed: u8 = 0;
    pub static Known: Vec<(MachineId, Member)> = Vec::new();
    pub static Excused: Vec<Account> = Vec::new();
    pub static WithinRate: bool = true;
    pub static Audits: u32 = 0;
    pub Pot: Account = Account::new([250; 32]);
}

/// Epochs that the test turns; each announces a seed of its own.
pub struct Clock;
impl pallet_draw::Epochs for Clock {
    fn index() -> u64 {
        Epoch::get()
    }
    fn announced_randomness() -> pallet_draw::Seed {
        let mut seed = [Seed::get(); 32];
        seed[..8].copy_from_slice(&Epoch::get().to_le_bytes());
        seed
    }
}

impl frame_support::traits::Time for Clock {
    type Moment = u64;
    fn now() -> u64 {
        1_790_000_000_000 + System::block_number() * 6_000
    }
}

impl pallet_draw::Config for Test {
    type WeightInfo = pallet_draw::weights::Measured<()>;
    type Epochs = Clock;
}

impl pallet_inspectors::Config for Test {
    type WeightInfo = pallet_inspectors::weights::Measured<()>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Draw = Draw;
    type Bond = ConstU128<1_000>;
    type Fine = ConstU128<10>;
    type Unbonding = ConstU64<100>;
    type Most = ConstU32<64>;
}

impl pallet_ecp::Config for Test {
    type WeightInfo = pallet_ecp::weights::Measured<()>;
    type Time = Clock;
    type Watch = ();
    type TrainingPercent = ConstU32<200>;
    type TrainingDays = ConstU32<30>;
}

/// Machines that the tests have. A machine's device is the account of its number.
pub struct List;
impl Fleet for List {
    fn machine_of(device: &Account) -> Option<MachineId> {
        let id: MachineId = device.clone().into();
        Known::get().iter().any(|(machine, _)| *machine == id).then_some(id)
    }
    fn member(machine: &MachineId) -> Option<Member> {
        Known::get().into_iter().find(|(id, _)| id == machine).map(|(_, member)| member)
    }
    fn is_free(device: &Account) -> bool {
        Self::machine_of(device).is_some() && WithinRate::get()
    }
    fn excuse(device: &Account) {
        Excused::mutate(|all| all.push(device.clone()));
    }
}

pub const BOND: u128 = 1_000;
pub const FEE: u128 = 5;
pub const PIPELINE: u32 = 32;
pub const WINDOW: u32 = 10;
pub const ANSWER: u32 = 12;
pub const DUTY: u32 = 30;
pub const UNBONDING: u32 = 50;
impl crate::Config for Test {
    type WeightInfo = crate::weights::Measured<()>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Fleet = List;
    type Draw = Draw;
    type Inspection = Inspectors;
    type Credit = Ecp;
    type Pot = Pot;
    type MachineBond = ConstU128<BOND>;
    type Unbonding = ConstU32<UNBONDING>;
    type Pipeline = ConstU32<PIPELINE>;
    type AuditPercent = Audits;
    type BountyPercent = ConstU32<10>;
    type InspectionFee = ConstU128<FEE>;
    type BatchDeposit = ConstU128<100>;
    type TaskPrice = ConstU128<2>;
    type VoteBlocks = ConstU32<20>;
    type Quorum = ConstU32<10>;
    type WindowBlocks = ConstU32<WINDOW>;
    type AnswerBlocks = ConstU32<ANSWER>;
    type DutyBlocks = ConstU32<DUTY>;
}

pub const RICH: u128 = 1_000_000;
pub const POT: u128 = 10_000;

pub fn owner(number: u8) -> Account {
    Account::new([number; 32])
}

pub fn inspector(number: u8) -> Account {
    Account::new([200 + number; 32])
}

/// Small, and worth one millionth of a ut.
pub fn spec() -> Spec {
    let layer = |outputs, multiplier| Layer { outputs, multiplier, shift: 32 };
    let layers = Layers::new(&[layer(256, 8_897_000), layer(32, 1)]).unwrap();
    Spec { kernel: Kernel::Mlp, rows: 64, inputs: 32, layers }
}

/// Five inspectors, nine owners with bonds for four machines each, the built-in publisher; block 1 of epoch 1.
pub fn run<R>(test: impl FnOnce() -> R) -> R {
    Epoch::set(0);
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let inspectors: Vec<Account> = (0..5).map(inspector).collect();
    let owners: Vec<Account> = (1..10).map(owner).collect();
    let mut balances: Vec<_> =
        inspectors.iter().chain(&owners).map(|account| (account.clone(), RICH)).collect();
    balances.push((Pot::get(), POT));
    let balances = pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() };
    balances.assimilate_storage(&mut storage).unwrap();
    let genesis = pallet_inspectors::GenesisConfig::<Test> { inspectors };
    genesis.assimilate_storage(&mut storage).unwrap();
    let bonds = owners.into_iter().map(|owner| (owner, 4 * BOND)).collect();
    let genesis = crate::GenesisConfig::<Test> { open: true, bonds, ..Default::default() };
    genesis.assimilate_storage(&mut storage).unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        Known::set(Vec::new());
        Excused::set(Vec::new());
        WithinRate::set(true);
        Audits::set(0);
        Epoch::set(1);
        Synthetic::<Test>::put(BoundedVec::truncate_from(vec![spec()]));
        go(1);
        test()
    })
}

/// Goes through `count` blocks.
pub fn go(count: u32) {
    for _ in 0..count {
        let next = System::block_number() + 1;
        System::set_block_number(next);
        Draw::on_initialize(next);
        Drilling::on_initialize(next);
    }
}

/// Two epochs on: what froze can be drawn, and is.
pub fn go_to_draw() {
    for _ in 0..2 {
        Epoch::set(Epoch::get() + 1);
        go(1);
    }
}

pub fn id(number: u8) -> MachineId {
    [number; 32]
}

/// Enrols a machine.
pub fn machine(number: u8, owner: Account) {
    Known::mutate(|known| {
        known.retain(|(machine, _)| *machine != id(number));
        known.push((id(number), Member { owner: owner.clone(), active: true, level: Level::Hardware }));
    });
    Ecp::changed(&id(number), &owner, Standing::Active);
    Drilling::changed(&id(number), &owner, Standing::Active);
}

/// Changes a machine's standing.
pub fn active(number: u8, active: bool) {
    Known::mutate(|known| {
        known
            .iter_mut()
            .filter(|(machine, _)| *machine == id(number))
            .for_each(|(_, member)| member.active = active);
    });
    let standing = if active { Standing::Active } else { Standing::Lapsed };
    let owner = List::member(&id(number)).unwrap().owner;
    Ecp::changed(&id(number), &owner, standing);
    Drilling::changed(&id(number), &owner, standing);
}

/// The name of a pallet's error.
pub fn named(result: Result<(), sp_runtime::DispatchError>) -> Result<(), &'static str> {
    result.map_err(|error| match error {
        sp_runtime::DispatchError::Module(error) => error.message.unwrap(),
        other => panic!("{other:?}"),
    })
}

/// Sends a call as a transaction does: one that fails leaves nothing behind.
pub fn sent(origin: RuntimeOrigin, call: crate::Call<Test>) -> Result<(), &'static str> {
    let result = RuntimeCall::from(call).dispatch(origin);
    named(result.map(|_| ()).map_err(|error| error.error))
}

pub fn device(number: u8) -> RuntimeOrigin {
    RuntimeOrigin::signed(Account::new(id(number)))
}

pub fn ready(number: u8, places: u8) -> Result<(), &'static str> {
    sent(device(number), crate::Call::ready { class: Class::Tiny, places })
}

/// Machines 11, 12, … of owners 1, 2, …, who do one task together.
pub fn task_of(replicas: u8) -> TaskId {
    crate::Chosen::<Test>::mutate(|rules| rules.replicas = replicas);
    for number in 1..=replicas {
        machine(10 + number, owner(number));
        ready(10 + number, 1).unwrap();
    }
    go_to_draw();
    let all: Vec<_> = Tasks::<Test>::iter_keys().collect();
    assert_eq!(all.len(), 1);
    all[0]
}

pub fn work(task: TaskId) -> Work {
    Tasks::<Test>::get(task).unwrap()
}

/// A machine's own account of its work.
#[derive(Clone)]
pub struct Story {
    pub task: Task,
    pub layers: Vec<Vec<i32>>,
    pub outcome: Outcome,
}

impl Story {
    pub fn honest(task: TaskId) -> Self {
        let task = work(task).task;
        let mut layers = Vec::new();
        let outcome = reference::run(&task, None, |_, sums| layers.push(sums.to_vec())).unwrap();
        Self { task, layers, outcome }
    }

    /// One accumulator is wrong.
    pub fn lying(task: TaskId, layer: usize, at: usize) -> Self {
        let mut story = Self::honest(task);
        story.layers[layer][at] = story.layers[layer][at].wrapping_add(1);
        let task_id = story.task.id();
        let layers = story.layers.iter().enumerate();
        let roots = layers
            .map(|(number, sums)| layer_root(&story.task, &task_id, number as u8, sums).unwrap())
            .collect();
        story.outcome = Outcome::new(&task_id, roots);
        story
    }

    pub fn answer(&self, question: &Question) -> Answer {
        let layer = |layer: u8| self.layers[layer as usize].clone();
        prove::answer(&self.task, &self.outcome.roots, question, layer).unwrap().try_into().unwrap()
    }

    /// A proof that this story is wrong there, made by somebody who knows it.
    pub fn accusation(&self, place: Place) -> Proof {
        let opening =
            prove::open_accumulator(&self.task, &place, &self.layers[place.layer as usize]).unwrap();
        let previous = place.layer.checked_sub(1).map(|layer| &self.layers[layer as usize][..]);
        let proof = prove::fraud(&self.task, None, &self.outcome.roots, &place, &opening, previous);
        proof.unwrap().try_into().unwrap()
    }
}

pub fn salt(number: u8) -> [u8; 32] {
    [number ^ 0x55; 32]
}

pub fn commit(number: u8, task: TaskId, story: &Story) -> Result<(), &'static str> {
    let commitment = drilling::commitment(&story.outcome.digest, &id(number), &salt(number));
    named(Drilling::commit(device(number), task, commitment))
}

pub fn reveal(number: u8, task: TaskId, story: &Story) -> Result<(), &'static str> {
    reveal_with(number, task, story.outcome.digest, salt(number))
}

pub fn reveal_with(number: u8, task: TaskId, digest: [u8; 32], salt: [u8; 32]) -> Result<(), &'static str> {
    let result = Drilling::reveal(device(number), task, digest, salt);
    named(result.map(|_| ()).map_err(|error| error.error))
}

pub fn disclose(number: u8, task: TaskId, question: Question, answer: Answer) -> Result<(), &'static str> {
    named(Drilling::disclose(device(number), task, question, answer))
}

/// Each machine answers whatever it is asked, as its story has it.
pub fn answer_all(task: TaskId, stories: &[(u8, &Story)]) {
    for (number, story) in stories {
        for asked in Drilling::questions_of(&id(*number)) {
            assert_eq!(asked.id, task);
            disclose(*number, task, asked.question, story.answer(&asked.question)).unwrap();
        }
    }
}

pub fn clear(inspector: &Account, task: TaskId) -> Result<(), &'static str> {
    named(Drilling::clear(RuntimeOrigin::signed(inspector.clone()), task))
}

/// All who have not yet say that nothing (more) is wrong.
pub fn clear_all(task: TaskId) {
    let open = Disputes::<Test>::get(task).unwrap().duties.into_iter().filter(|duty| !duty.closed);
    open.for_each(|duty| clear(&duty.inspector, task).unwrap());
}

pub fn demand(inspector: &Account, task: TaskId, number: u8, place: u32) -> Result<(), &'static str> {
    named(Drilling::demand(RuntimeOrigin::signed(inspector.clone()), task, id(number), place))
}

pub fn convict(reporter: &Account, task: TaskId, number: u8, proof: Proof) -> Result<(), &'static str> {
    let result = Drilling::convict(RuntimeOrigin::signed(reporter.clone()), task, id(number), proof);
    named(result.map(|_| ()).map_err(|error| error.error))
}

pub fn drawn(task: TaskId) -> Vec<Account> {
    Disputes::<Test>::get(task).unwrap().duties.into_iter().map(|duty| duty.inspector).collect()
}

/// What an inspector's tool does: recomputes, asks where the accused differs, and proves the lie. `false`: there is none.
pub fn inspect(inspector: &Account, task: TaskId, number: u8, story: &Story) -> bool {
    let truth = Story::honest(task);
    let Some(Disclosure { digest, roots, .. }) = Disclosures::<Test>::get(task, id(number)) else {
        return false;
    };
    let mut trail = Trail::new(&truth.task, &digest);
    let mut answer = roots.unwrap().to_vec();
    loop {
        let question = *trail.question();
        match trail.take(&answer, &truth.answer(&question)).unwrap() {
            Step::Right => return false,
            Step::Ask { question, place } => {
                demand(inspector, task, number, place).unwrap();
                disclose(number, task, question, story.answer(&question)).unwrap();
                let disclosure = Disclosures::<Test>::get(task, id(number)).unwrap();
                let own = disclosure.chains.iter().find(|chain| chain.inspector == *inspector).unwrap();
                answer = own.answer.clone().unwrap().to_vec();
            }
            Step::Wrong(place) => {
                let opening = trail.opening().unwrap();
                let previous = place.layer.checked_sub(1).map(|layer| &truth.layers[layer as usize][..]);
                let proof =
                    prove::fraud(&truth.task, None, trail.roots(), &place, &opening, previous).unwrap();
                convict(inspector, task, number, proof.try_into().unwrap()).unwrap();
                return true;
            }
        }
    }
}

pub fn total(number: u8) -> u128 {
    Ecp::machine_ecp(&id(number)).unwrap().figures.drilling_total
}

pub fn free(owner: &Account) -> u128 {
    use frame_support::traits::fungible::Inspect;
    <Balances as Inspect<Account>>::balance(owner)
}

pub fn at_stake(owner: &Account) -> u128 {
    let bond = crate::Bonds::<Test>::get(owner);
    use frame_support::traits::fungible::InspectHold;
    let held = <Balances as InspectHold<Account>>::balance_on_hold(&crate::HoldReason::Bond.into(), owner);
    assert_eq!(held, bond.at_stake(), "what is held is what is written down");
    bond.at_stake()
}

pub fn verdict(number: u8) -> Option<Verdict> {
    Workers::<Test>::get(id(number)).unwrap().recent.last().map(|(_, verdict)| *verdict)
}

pub fn events() -> Vec<Event<Test>> {
    let own = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
        RuntimeEvent::Drilling(event) => Some(event),
        _ => None,
    };
    System::events().into_iter().filter_map(own).collect()
}

/// Everything that a task can leave behind is gone.
pub fn forgotten(task: TaskId) {
    assert!(Tasks::<Test>::get(task).is_none() && Disputes::<Test>::get(task).is_none());
    assert_eq!(Disclosures::<Test>::iter_prefix(task).count(), 0);
    assert!(crate::Accused::<Test>::iter().all(|(_, other, ())| other != task));
    assert!(crate::DutiesOf::<Test>::iter().all(|(_, other, ())| other != task));
    assert!(Workers::<Test>::iter_values().all(|worker| !worker.tasks.contains(&task)));
    assert!(open_duties().iter().all(|open| *open == 0));
}

fn open_duties() -> Vec<u32> {
    pallet_inspectors::Registry::<Test>::iter_values().map(|inspector| inspector.open).collect()
}
