//! How many anchors, commits and reveals fit into one block. Each is a real transaction that the block really applies.

use super::*;
use attest::{Statement, forge::SoftAk};
use drilling::{Class, Task, commitment};
use frame_support::dispatch::DispatchClass;
use pallet_drilling::types::{Replica, Stage, State, Work};
use pallet_machines::types::{AnchorCall, Attestation};
use sp_core::{Pair, ed25519};
use sp_runtime::{
    generic::Era,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};

const DIGEST: [u8; 32] = [6; 32];
const SALT: [u8; 32] = [5; 32];
const REPLICAS: u32 = 3;

fn device(number: u32) -> ed25519::Pair {
    ed25519::Pair::from_seed(&id("device", number))
}

fn account(number: u32) -> AccountId {
    AccountId::new(device(number).public().0)
}

fn owner(number: u32) -> AccountId {
    AccountId::new(id("owner", number))
}

/// So many machines with the same attestation key.
fn enrolled(count: u32) {
    let ak = SoftAk::new(1).public_area();
    for number in 0..count {
        enrol(id("machine", number), &owner(number), &account(number), Standing::Active, &ak);
    }
}

/// So many machines, three to a task, whose part in it stands so.
fn at_work(count: u32, stage: Stage, state: impl Fn(u32) -> State) {
    enrolled(count);
    for number in 0..count / REPLICAS {
        let task = task(number);
        let replicas = (0..REPLICAS).map(|replica| number * REPLICAS + replica);
        let replicas = replicas.map(|machine| Replica {
            machine: id("machine", machine),
            owner: owner(machine),
            state: state(machine),
        });
        let work = Work {
            task,
            class: Class::Tiny,
            worth: 622,
            batch: None,
            stage,
            deadline: START + 1,
            replicas: BoundedVec::truncate_from(replicas.collect()),
        };
        pallet_drilling::Tasks::<Runtime>::insert(task.id(), work);
    }
}

fn task(number: u32) -> Task {
    Task { spec: Class::Tiny.mlp(), seed: id("seed", number) }
}

fn signed(number: u32, call: RuntimeCall) -> UncheckedExtrinsic {
    let extension: TxExtension = (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(0),
        frame_system::CheckWeight::new(),
        pallet_skip_feeless_payment::SkipCheckIfFeeless::from(
            pallet_transaction_payment::ChargeTransactionPayment::from(0),
        ),
    );
    let payload = SignedPayload::new(call, extension).unwrap();
    let signature = payload.using_encoded(|bytes| device(number).sign(bytes));
    let (call, extension, _) = payload.deconstruct();
    UncheckedExtrinsic::new_signed(call, account(number).into(), signature.into(), extension)
}

/// Fills a block with calls of machines 0, 1, 2 … and says how many fit.
fn fill(what: &str, world: impl FnOnce(), call: impl Fn(u32) -> RuntimeCall) -> u32 {
    sp_io::TestExternalities::new(storage(world)).execute_with(|| {
        begin(START, SLOT);
        let mut count = 0;
        let refused = loop {
            match Executive::apply_extrinsic(signed(count, call(count))) {
                Ok(outcome) => outcome.unwrap(),
                Err(refused) => break refused,
            }
            count += 1;
        };
        let full = TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources);
        assert_eq!(refused, full, "after {count} {what}");
        let (used, most) = (System::block_weight(), limits());
        let normal = most.get(DispatchClass::Normal).max_total.unwrap();
        assert!(used.get(DispatchClass::Normal).all_lte(normal) && used.total().all_lte(most.max_block));
        let (bytes, longest) = (System::block_size(), *configs::Length::get().max.get(DispatchClass::Normal));
        assert!(bytes <= longest);
        println!(
            "{count} {what}: {} of {} ms, {bytes} of {longest} bytes",
            used.get(DispatchClass::Normal).ref_time() / 1_000_000_000,
            normal.ref_time() / 1_000_000_000,
        );
        count
    })
}

#[test]
fn a_block_full_of_anchors_stays_within_its_limits() {
    let count = fill(
        "anchors",
        || enrolled(500),
        |number| {
            let statement = Statement {
                genesis: GENESIS,
                block: hash(START - 1).0,
                machine: id("machine", number),
                size: 1,
                root: [1; 32],
                device_key: device(number).public().0,
            };
            let (message, signature) = SoftAk::new(1).anchor(&statement, 2, 0);
            let certified = Attestation { message: BoundedVec::truncate_from(message.to_vec()), signature };
            let anchor = AnchorCall {
                block: BlockRef { number: START - 1, hash: hash(START - 1).0 },
                log: LogHead { size: 1, root: [1; 32] },
                certified,
                consistency: Default::default(),
            };
            pallet_machines::Call::<Runtime>::anchor { anchor }.into()
        },
    );
    // Ten thousand machines anchor in every 600 blocks.
    assert!(count > 10_000 / 600);
}

#[test]
fn a_block_full_of_commits_stays_within_its_limits() {
    let world = || at_work(3_000, Stage::Committing, |_| State::Assigned);
    let count = fill("commits", world, |number| {
        let commitment = commitment(&DIGEST, &id("machine", number), &SALT);
        pallet_drilling::Call::<Runtime>::commit { task: task(number / REPLICAS).id(), commitment }.into()
    });
    assert!(count > pallet_drilling::types::TASKS_PER_BLOCK * REPLICAS, "as many as blocks give out");
}

#[test]
fn a_block_full_of_reveals_stays_within_its_limits() {
    let committed = |machine| State::Committed(commitment(&DIGEST, &id("machine", machine), &SALT));
    let world = || at_work(3_000, Stage::Revealing, committed);
    let count = fill("reveals", world, |number| {
        pallet_drilling::Call::<Runtime>::reveal {
            task: task(number / REPLICAS).id(),
            digest: DIGEST,
            salt: SALT,
        }
        .into()
    });
    assert!(count > pallet_drilling::types::TASKS_PER_BLOCK * REPLICAS, "as many as blocks give out");
}
