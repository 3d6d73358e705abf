//! Threads that wait for work, and jobs shared among them.
//!
//! A task has several phases for each layer, and the shortest take less time than starting a thread does: threads therefore stay, and
//! look for the next phase a little while before they sleep.

use std::{
    any::Any,
    hint::spin_loop,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::control::{Cancelled, Control};

/// Looks before a thread sleeps: some tens of microseconds.
const LOOKS: usize = 1000;

/// The threads beside the caller's own.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    others: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    phase: AtomicU64,
    started: Condvar,
    at_work: AtomicUsize,
    finished: Condvar,
}

#[derive(Default)]
struct State {
    work: Option<Work>,
    panic: Option<Box<dyn Any + Send>>,
    stop: bool,
}

/// What all threads run, its lifetime forgotten: [`Crew::all`] does not return while anybody runs it.
#[derive(Clone, Copy)]
struct Work(*const (dyn Fn() + Sync));

// SAFETY: what it points to is `Sync`, and lives as long as threads use it.
#[allow(unsafe_code)]
unsafe impl Send for Work {}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's life: a phase after the other.
    fn serve(&self) {
        let mut seen = 0;
        loop {
            for _ in 0..LOOKS {
                if self.phase.load(Ordering::Acquire) != seen {
                    break;
                }
                spin_loop();
            }
            let mut state = self.state();
            while self.phase.load(Ordering::Acquire) == seen && !state.stop {
                state = self.started.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop {
                return;
            }
            seen = self.phase.load(Ordering::Acquire);
            let work = state.work;
            drop(state);
            if let Some(Work(work)) = work {
                // SAFETY: `Crew::all` waits for this thread before what it points to ends.
                #[allow(unsafe_code)]
                let result = catch_unwind(AssertUnwindSafe(|| unsafe { (*work)() }));
                if let Err(panic) = result {
                    self.state().panic = Some(panic);
                }
            }
            if self.at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
                drop(self.state());
                self.finished.notify_all();
            }
        }
    }
}

/// Waits for the others, also while a panic unwinds.
struct Wait<'a>(&'a Shared);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        for _ in 0..LOOKS {
            if self.0.at_work.load(Ordering::Acquire) == 0 {
                return;
            }
            spin_loop();
        }
        let mut state = self.0.state();
        while self.0.at_work.load(Ordering::Acquire) != 0 {
            state = self.0.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Crew {
    /// A crew of `threads`, the caller's among them. Threads that cannot be had are done without.
    pub(crate) fn new(threads: NonZeroUsize) -> Self {
        let shared = Arc::<Shared>::default();
        let start = |_| {
            let shared = shared.clone();
            thread::Builder::new().name("drilling".into()).spawn(move || shared.serve()).ok()
        };
        let others = (1..threads.get()).map_while(start).collect();
        Self { shared, others }
    }

    /// How many work.
    pub(crate) fn size(&self) -> usize {
        1 + self.others.len()
    }

    /// Runs `work` on every thread at once, and returns when all have. Takes `&mut self`: one phase at a time.
    fn all(&mut self, work: &(dyn Fn() + Sync)) {
        if self.others.is_empty() {
            return work();
        }
        // SAFETY: only the lifetime changes, and `Wait` keeps this call from ending before all threads have let go of it.
        #[allow(unsafe_code)]
        let forever = unsafe {
            std::mem::transmute::<*const (dyn Fn() + Sync + '_), *const (dyn Fn() + Sync + 'static)>(work)
        };
        let mut state = self.shared.state();
        state.work = Some(Work(forever));
        self.shared.at_work.store(self.others.len(), Ordering::Release);
        self.shared.phase.fetch_add(1, Ordering::AcqRel);
        drop(state);
        self.shared.started.notify_all();
        let wait = Wait(&self.shared);
        work();
        drop(wait);
        let panic = self.shared.state().panic.take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Does every job, looking at `control` before each. Each thread that has any has its own `scratch`.
    pub(crate) fn share<J: Send, S>(
        &mut self,
        control: &Control,
        jobs: impl Iterator<Item = J> + Send,
        scratch: impl Fn() -> S + Sync,
        work: impl Fn(J, &mut S) -> Result<(), Cancelled> + Sync,
    ) -> Result<(), Cancelled> {
        let jobs = Mutex::new(jobs);
        let cancelled = AtomicBool::new(false);
        self.all(&|| {
            let mut mine = None;
            loop {
                let allowed = control.check();
                let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(job) = job else { return };
                let done = allowed.and_then(|()| work(job, mine.get_or_insert_with(&scratch)));
                if done.is_err() {
                    return cancelled.store(true, Ordering::Release);
                }
            }
        });
        if cancelled.into_inner() { Err(Cancelled) } else { Ok(()) }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.started.notify_all();
        for other in self.others.drain(..) {
            // A panic in a phase was passed on when it ended.
            let _ = other.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew(threads: usize) -> Crew {
        Crew::new(NonZeroUsize::new(threads).unwrap())
    }

    #[test]
    fn every_job_is_done_once() {
        for threads in [1, 2, 5] {
            let mut crew = crew(threads);
            for jobs in [0, 1, 3, 1000] {
                let mut done = vec![0u32; jobs];
                crew.share(
                    &Control::new(),
                    done.iter_mut(),
                    || (),
                    |slot, ()| {
                        *slot += 1;
                        Ok(())
                    },
                )
                .unwrap();
                assert!(done.iter().all(|count| *count == 1));
            }
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_the_crew_goes_on() {
        let mut crew = crew(3);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let _ = crew.share(
                &Control::new(),
                0..100,
                || (),
                |job, ()| {
                    assert!(job != 50);
                    Ok(())
                },
            );
        }));
        assert!(outcome.is_err());
        assert_eq!(crew.share(&Control::new(), 0..10, || (), |_, ()| Ok(())), Ok(()));
    }
}
