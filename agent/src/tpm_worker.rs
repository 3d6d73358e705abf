//! One thread owns the TPM. The reactor never waits on a chip that takes half a second for a signature.
//!
//! A transport that breaks (a software TPM restarted, a device reset) is dropped and opened anew at the next job.

use std::{sync::mpsc, thread};
use tokio::sync::oneshot;
use tpm::{Tpm, TpmError, transport::AnyTransport};

/// The TPM as the agent talks to it.
pub type HostTpm = Tpm<AnyTransport>;

type Job = Box<dyn FnOnce(Result<&mut HostTpm, TpmError>) -> bool + Send>;

/// A handle on the worker; clones share it. The thread ends with the last handle.
#[derive(Clone)]
pub struct TpmWorker {
    jobs: mpsc::Sender<Job>,
}

impl TpmWorker {
    /// Starts the worker for a TPM named as in the configuration.
    pub fn start(url: &str) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let url = url.to_string();
        thread::Builder::new().name("tpm".into()).spawn(move || serve(&url, &queue))?;
        Ok(Self { jobs })
    }

    /// Runs a job on the TPM and waits for its result.
    pub async fn run<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut HostTpm) -> Result<R, TpmError> + Send + 'static,
    ) -> Result<R, TpmError> {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |tpm| {
            let outcome = tpm.and_then(job);
            let broken = matches!(outcome, Err(TpmError::Transport(_)));
            let _ = answer.send(outcome);
            broken
        });
        let gone = || TpmError::Transport("the TPM worker has ended".into());
        self.jobs.send(job).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

fn serve(url: &str, queue: &mpsc::Receiver<Job>) {
    let mut tpm: Option<HostTpm> = None;
    while let Ok(job) = queue.recv() {
        let broken = match tpm.take().map_or_else(|| open(url), Ok) {
            Ok(mut opened) => {
                let broken = job(Ok(&mut opened));
                tpm = Some(opened);
                broken
            }
            Err(error) => job(Err(error)),
        };
        if broken {
            tpm = None;
        }
    }
}

fn open(url: &str) -> Result<HostTpm, TpmError> {
    let transport = AnyTransport::open(url)?;
    let mut tpm = Tpm::new(transport);
    tpm.startup()?;
    Ok(tpm)
}
