//! Once at each start: whether CUDA, NVML, the kernel and the PCI bus tell of the same GPUs. What is found goes into the log as evidence.
//!
//! On threads of its own that nobody waits for: a driver may never answer.

use crate::recorder::Recorder;
use attest::record::Body;
use gpu_probe::{
    Options, Probe,
    finding::{Check, Finding},
    identity::{self, CudaView, Host, NvmlView},
};
use std::{sync::mpsc, thread, time::Duration};

/// How long CUDA may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks, and writes down what was found; at once, in the background.
pub fn start(options: Options, recorder: Recorder) -> std::io::Result<()> {
    let look = move || {
        let findings = look(&options);
        if !findings.is_empty() {
            // The recorder keeps what a full disk does not take.
            let _ = recorder
                .append(findings.iter().map(|(gpu, found)| Body::Finding(found.record(*gpu))).collect());
        }
    };
    thread::Builder::new().name("gpu-identity".into()).spawn(look).map(drop)
}

/// What is found about each GPU, by number. Nothing where there is neither a driver nor a GPU.
pub fn look(options: &Options) -> Vec<(u16, Finding)> {
    let (driver, nvml) = match Probe::open(options).gpu_identities() {
        Ok((driver, gpus)) => (driver, Ok(gpus)),
        Err(state) => (String::new(), Err(state)),
    };
    let seen = nvml.as_ref().map_or(0, Vec::len);
    match cuda() {
        Err(why) => vec![(0, Finding::failed(Check::Uuid, why))],
        Ok(gpus) if gpus.is_empty() => without_cuda(seen),
        Ok(gpus) => compare(&gpus, options, driver, nvml),
    }
}

/// NVML alone can be anything: drilling would have to show what its GPUs can do, and cannot.
fn without_cuda(seen: usize) -> Vec<(u16, Finding)> {
    let why = "NVML tells of this GPU, and CUDA can compute on none";
    (0..seen).map(|gpu| (number(gpu), Finding::unknown(Check::Uuid, why))).collect()
}

fn compare(
    gpus: &[CudaView],
    options: &Options,
    driver: String,
    nvml: Result<Vec<NvmlView>, attest::record::ChipState>,
) -> Vec<(u16, Finding)> {
    let host = Host::look(options, driver, nvml);
    let each = gpus.iter().enumerate().flat_map(|(gpu, cuda)| {
        identity::cross_check(cuda, &host, &[]).into_iter().map(move |found| (number(gpu), found))
    });
    each.chain([(0, identity::distinct(gpus))]).collect()
}

fn number(gpu: usize) -> u16 {
    u16::try_from(gpu).unwrap_or(u16::MAX)
}

/// What CUDA says of each GPU, in its order.
fn cuda() -> Result<Vec<CudaView>, String> {
    let (sender, told) = mpsc::channel();
    let ask = move || {
        let all = (0..gpu_compute::count()).map(gpu_compute::facts);
        let views: Result<Vec<CudaView>, _> =
            all.map(|facts| facts.map(|facts| CudaView::from(&facts))).collect();
        // Nobody listens any more if it took too long.
        let _ = sender.send(views.map_err(|error| format!("CUDA does not start: {error}")));
    };
    thread::Builder::new().name("cuda".into()).spawn(ask).map_err(|error| error.to_string())?;
    told.recv_timeout(PATIENCE).unwrap_or_else(|_| Err("CUDA has not answered for a minute".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::record::Verdict;
    use std::path::PathBuf;

    #[test]
    fn a_host_without_gpus_has_no_findings() {
        let none =
            Options { nvml: Some(PathBuf::from("/nonexistent/libnvidia-ml.so")), ..Options::default() };
        if gpu_compute::count() == 0 {
            assert!(look(&none).is_empty());
        }
    }

    #[test]
    fn gpus_that_only_nvml_tells_of_are_unknown() {
        let found = without_cuda(2);
        assert_eq!(found.iter().map(|(gpu, _)| *gpu).collect::<Vec<_>>(), [0, 1]);
        assert!(found.iter().all(|(_, found)| found.verdict == Verdict::Unknown && found.score == 0));
    }

    #[test]
    fn one_card_shown_twice_is_told_with_everything_else() {
        let card = CudaView {
            name: "NVIDIA H200".into(),
            uuid: [1; 16],
            pci: (0, 6, 0),
            multiprocessors: 132,
            bus_bits: 6016,
            memory: 150_109_880_320,
        };
        let dir = tempfile::tempdir().unwrap();
        let options =
            Options { sys: dir.path().into(), proc_: dir.path().join("proc"), ..Options::default() };
        let found = compare(&[card.clone(), card], &options, String::new(), Ok(Vec::new()));
        assert!(found.iter().any(|(gpu, one)| *gpu == 1 && one.check == Check::KernelGpu));
        let (_, last) = found.last().unwrap();
        assert_eq!((last.check, last.verdict, last.score), (Check::Uuid, Verdict::Suspicious, 1000));
    }
}
