//! Several threads that take jobs from one list until it is empty.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    thread,
};

use super::control::{Cancelled, Control};

/// Does every job, on at most `threads` threads (this one among them), looking at `control` before each. Each thread has its own `scratch`.
pub(crate) fn share<J: Send, S>(
    threads: NonZeroUsize,
    control: &Control,
    jobs: impl ExactSizeIterator<Item = J> + Send,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(J, &mut S) -> Result<(), Cancelled> + Sync,
) -> Result<(), Cancelled> {
    let threads = threads.get().min(jobs.len());
    let jobs = Mutex::new(jobs);
    let run = || -> Result<(), Cancelled> {
        let mut scratch = scratch();
        loop {
            control.check()?;
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(job) = job else { return Ok(()) };
            work(job, &mut scratch)?;
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut result = run();
        for other in others {
            match other.join() {
                Ok(theirs) => result = result.and(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        result
    })
}
