//! The microcontroller on a chain of real validators and inspectors: enrolled, and two anchors of its own.

#![allow(clippy::unwrap_used)]

use firmware_gateway::{Emulator, Gateway, Keeper};
use light_client::token;
use std::{fs, path::PathBuf};
use testbed::{Programs, Stage};
use tpm::model::Temper;

#[test]
#[cfg_attr(
    not(feature = "node-tests"),
    ignore = "needs the built programs and the firmware: cargo xtask firmware --test"
)]
fn a_microcontroller_anchors_on_a_chain() {
    let firmware = PathBuf::from(std::env::var_os("MATRIXAI_FIRMWARE").unwrap());
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::set(Programs::beside_this_one().unwrap(), dir.path()).unwrap();
    stage.token().unwrap();
    let mut device = Emulator::boot(&firmware, dir.path(), &stage.tpm, Temper::default()).unwrap();
    let keeper = Keeper::new(&mut device, &dir.path().join("records")).unwrap();
    let state = dir.path().join("gateway");
    fs::create_dir_all(&state).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut gateway = runtime.block_on(async {
        let mut gateway = Gateway::open(device, keeper, &stage.chain.spec, &state).await.unwrap();
        assert!(gateway.anchor().await.unwrap_err().to_string().contains("not enrolled"));
        let token = token::read(&dir.path().join("token.key")).unwrap();
        let enrolled = gateway.enrol(&token).await.unwrap();
        assert_eq!(enrolled.device.0, *gateway.keeper.device_key());

        let first = gateway.anchor().await.unwrap();
        let second = gateway.anchor().await.unwrap();
        assert!(enrolled.head.size < first.size && first.size < second.size);
        assert_eq!(second.counter, first.counter + 1);
        let machine = gateway.machine().await.unwrap().unwrap();
        assert_eq!((machine.head.size, machine.head.root), (second.size, second.root));
        let counters: Vec<u64> = machine.recent.0.iter().map(|anchored| anchored.counter).collect();
        assert_eq!(counters, [first.counter, second.counter]);
        gateway
    });
    // As the owner's tool tells it, which has followed the chain by itself.
    let machines = stage.machines().unwrap();
    let shown = machines.to_string();
    assert!(
        shown.contains(&hex::encode(gateway.keeper.machine())) && shown.contains("\"active\""),
        "{shown}"
    );
    println!("{:?}", Keeper::measure(&mut gateway.device).unwrap());
    Keeper::stop(gateway.device).unwrap();
    stage.check().unwrap();
}
