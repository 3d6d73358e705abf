//! Which pallets are measured.

polkadot_sdk::frame_benchmarking::define_benchmarks!(
    [pallet_authorities, Authorities]
    [pallet_draw, Draw]
    [pallet_drilling, Drilling]
    [pallet_ecp, Ecp]
    [pallet_inspectors, Inspectors]
    [pallet_machines, Machines]
    [pallet_rewards, Rewards]
);
