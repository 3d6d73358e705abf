//! Runs benchmarks inside the runtime's WASM, over a state that counts what is read and written.

use crate::clock::Clock;
use anyhow::{Context, Error, Result, bail};
use codec::{Decode, Encode};
use frame_benchmarking::{
    BenchmarkBatch, BenchmarkConfig, BenchmarkList, BenchmarkMetadata, BenchmarkParameter, BenchmarkResult,
    benchmarking,
};
use frame_support::traits::StorageInfo;
use sc_client_db::BenchmarkingState;
use sc_executor::{WasmExecutor, sp_wasm_interface::ExtendedHostFunctions};
use sp_core::{
    storage::{Storage, well_known_keys::CODE},
    traits::{CallContext, CodeExecutor, RuntimeCode, WrappedRuntimeCode},
};
use sp_externalities::Extensions;
use sp_keystore::{KeystoreExt, testing::MemoryKeystore};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{
    BasicExternalities, OverlayedChanges, StateMachine,
    backend::{BackendRuntimeCode, TryPendingCode},
};
use std::{borrow::Cow, fmt};

/// What the WASM may call: the node's functions, and the clock and counters of benchmarks.
type Host = (sp_io::SubstrateHostFunctions, ExtendedHostFunctions<benchmarking::HostFunctions, Clock>);
type State = BenchmarkingState<BlakeTwo256>;

/// One benchmark of one pallet.
pub struct Benchmark {
    /// The pallet's crate.
    pub pallet: String,
    /// The pallet's name in the runtime.
    instance: Vec<u8>,
    /// The benchmark.
    pub name: String,
    /// What varies: names, least and most.
    pub components: Vec<(BenchmarkParameter, u32, u32)>,
}

impl fmt::Display for Benchmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.pallet, self.name)
    }
}

/// Runs of one benchmark.
pub struct Runs {
    /// How long each took.
    pub times: Vec<BenchmarkResult>,
    /// What was read and written with each value of the components.
    pub counts: Vec<BenchmarkResult>,
}

/// The WASM and two states with its default genesis: counting slows down, so times are taken from the other one.
pub struct Runner {
    executor: WasmExecutor<Host>,
    timing: State,
    counting: State,
}

impl Runner {
    /// Takes a runtime that was built with `runtime-benchmarks`.
    pub fn new(wasm: Vec<u8>) -> Result<Self> {
        let executor = WasmExecutor::builder().build();
        let mut storage = genesis(&executor, &wasm)?;
        storage.top.insert(CODE.to_vec(), wasm);
        let state = |counts| State::new(storage.clone(), None, false, counts).map_err(Error::msg);
        let (timing, counting) = (state(false)?, state(true)?);
        Ok(Self { executor, timing, counting })
    }

    /// Every benchmark that the runtime has.
    pub fn benchmarks(&self) -> Result<Vec<Benchmark>> {
        let (lists, _): (Vec<BenchmarkList>, Vec<StorageInfo>) = self
            .call(&self.timing, "Benchmark_benchmark_metadata", &false.encode())
            .context("a runtime without benchmarks: was it built with runtime-benchmarks?")?;
        let mut all = Vec::new();
        for BenchmarkList { pallet, instance, benchmarks } in lists {
            for BenchmarkMetadata { name, components, .. } in benchmarks {
                let (pallet, name) = (String::from_utf8(pallet.clone())?, String::from_utf8(name)?);
                all.push(Benchmark { pallet, instance: instance.clone(), name, components });
            }
        }
        Ok(all)
    }

    /// Runs a benchmark with values of each component in turn, the others at their most. The first run of each is checked by the
    /// benchmark itself, and no figures are taken from it.
    pub fn measure(&self, benchmark: &Benchmark, steps: u32, repeat: u32) -> Result<Runs> {
        let mut runs = Runs { times: Vec::new(), counts: Vec::new() };
        for values in points(&benchmark.components, steps) {
            self.run(&self.timing, benchmark, &values, true, 1)?;
            runs.counts.extend(self.run(&self.counting, benchmark, &values, false, 1)?);
            runs.times.extend(self.run(&self.timing, benchmark, &values, false, repeat)?);
        }
        Ok(runs)
    }

    fn run(
        &self,
        state: &State,
        benchmark: &Benchmark,
        values: &[(BenchmarkParameter, u32)],
        verify: bool,
        repeat: u32,
    ) -> Result<Vec<BenchmarkResult>> {
        let config = BenchmarkConfig {
            pallet: benchmark.pallet.clone().into_bytes(),
            instance: benchmark.instance.clone(),
            benchmark: benchmark.name.clone().into_bytes(),
            selected_components: values.to_vec(),
            verify,
            internal_repeats: repeat,
        };
        let batches: Result<Vec<BenchmarkBatch>, String> =
            self.call(state, "Benchmark_dispatch_benchmark", &config.encode())?;
        match batches.map_err(Error::msg)?.pop() {
            Some(batch) => Ok(batch.results),
            None => bail!("the runtime has skipped it"),
        }
    }

    fn call<R: Decode>(&self, state: &State, method: &str, data: &[u8]) -> Result<R> {
        let mut extensions = Extensions::default();
        extensions.register(KeystoreExt::new(MemoryKeystore::new()));
        let code = BackendRuntimeCode::new(state, TryPendingCode::No);
        let code = code.runtime_code().map_err(Error::msg)?;
        let (mut overlay, offchain) = (OverlayedChanges::default(), CallContext::Offchain);
        let mut machine = StateMachine::new(
            state,
            &mut overlay,
            &self.executor,
            method,
            data,
            &mut extensions,
            &code,
            offchain,
        );
        let answer = machine.execute().map_err(|error| Error::msg(error.to_string()))?;
        Ok(R::decode(&mut &answer[..])?)
    }
}

/// The runtime's default genesis.
fn genesis(executor: &WasmExecutor<Host>, wasm: &[u8]) -> Result<Storage> {
    let mut empty = BasicExternalities::new_empty();
    let fetcher = WrappedRuntimeCode(Cow::Borrowed(wasm));
    let hash = sp_io::hashing::blake2_256(wasm).to_vec();
    let code = RuntimeCode { code_fetcher: &fetcher, heap_pages: None, hash };
    let mut call = |method: &str, data: Vec<u8>| {
        let (answer, _) = executor.call(&mut empty, &code, method, &data, CallContext::Offchain);
        answer.map_err(|error| Error::msg(format!("{method}: {error}")))
    };
    let config = call("GenesisBuilder_get_preset", None::<Vec<u8>>.encode())?;
    let config =
        Option::<Vec<u8>>::decode(&mut &config[..])?.context("a runtime without a default genesis")?;
    let built = call("GenesisBuilder_build_state", config.encode())?;
    Result::<(), String>::decode(&mut &built[..])?.map_err(Error::msg)?;
    Ok(empty.into_storages())
}

/// The values to run with.
fn points(components: &[(BenchmarkParameter, u32, u32)], steps: u32) -> Vec<Vec<(BenchmarkParameter, u32)>> {
    let most: Vec<_> = components.iter().map(|(name, _, high)| (*name, *high)).collect();
    if components.is_empty() {
        return vec![most];
    }
    let mut points = Vec::new();
    for (at, (name, low, high)) in components.iter().enumerate() {
        for step in 0..steps {
            let range = u64::from(high.saturating_sub(*low));
            let value = u64::from(*low) + range * u64::from(step) / u64::from(steps.saturating_sub(1).max(1));
            let mut point = most.clone();
            point[at] = (*name, value as u32);
            points.push(point);
        }
    }
    points
}
