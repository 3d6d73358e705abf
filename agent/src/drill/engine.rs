//! What does tasks: the processor, and each GPU.

use super::energy::EnergyMeter;
use drilling::{
    Class, Outcome, Task, WorkError,
    cpu::{self, Backend, Control},
    published::Published,
};
use gpu_compute::{Driller, GpuError};
use std::{num::NonZeroUsize, sync::Arc};

/// A task done.
#[derive(Debug)]
pub struct Product {
    /// Its result.
    pub outcome: Outcome,
    /// The accumulators of the layer that was asked for.
    pub layer: Option<Vec<i32>>,
    /// What was used meanwhile, mJ, where the engine's counters tell.
    pub energy_mj: Option<u64>,
    /// Threads of the processor.
    pub threads: u16,
}

/// Why an engine did not do a task.
#[derive(Debug)]
pub enum EngineError {
    /// The task is at fault, or was cancelled: no other engine would do better.
    Task(WorkError),
    /// The engine cannot do this one: another may.
    Unfit(String),
    /// The engine is gone, or has to be opened anew.
    Lost(String),
}

/// One that does tasks, one at a time.
pub trait Engine: Send {
    /// What people call it.
    fn name(&self) -> String;

    /// The same, and what it does tasks with.
    fn details(&self) -> String {
        self.name()
    }

    /// Its number among the GPUs, if it is one.
    fn gpu(&self) -> Option<u16> {
        None
    }

    /// The largest tasks that it does in good time. It takes larger ones where no other engine does.
    fn largest(&self) -> Class;

    /// Does a task; `wanted` asks for that layer's accumulators too.
    fn work(
        &mut self,
        task: &Task,
        published: Option<&Published>,
        wanted: Option<u8>,
        control: &Arc<Control>,
    ) -> Result<Product, EngineError>;
}

/// The processor.
#[derive(Debug)]
pub struct Processor {
    pub backend: Backend,
    pub threads: NonZeroUsize,
    pub meter: EnergyMeter,
}

impl Engine for Processor {
    fn name(&self) -> String {
        "processor".into()
    }

    fn details(&self) -> String {
        format!("processor, {} on {} threads", self.backend.name(), self.threads)
    }

    fn largest(&self) -> Class {
        Class::Small
    }

    fn work(
        &mut self,
        task: &Task,
        published: Option<&Published>,
        wanted: Option<u8>,
        control: &Arc<Control>,
    ) -> Result<Product, EngineError> {
        let before = self.meter.microjoules();
        let options = cpu::Options { backend: self.backend, threads: self.threads, control: control.clone() };
        let mut layer = None;
        let outcome = cpu::run(task, published, &options, |number, accumulators| {
            if wanted == Some(number) {
                layer = Some(accumulators.to_vec());
            }
        })
        .map_err(EngineError::Task)?;
        let used = |(before, after): (u64, u64)| after.checked_sub(before).map(|used| used / 1000);
        Ok(Product {
            outcome,
            layer,
            energy_mj: before.zip(self.meter.microjoules()).and_then(used),
            threads: u16::try_from(self.threads.get()).unwrap_or(u16::MAX),
        })
    }
}

/// A GPU. It is opened when it is first needed, and again when it was lost.
#[derive(Debug)]
pub struct Gpu {
    index: usize,
    driller: Option<Driller>,
}

impl Gpu {
    /// The GPUs that the driver shows; none without a driver.
    pub fn all() -> Vec<Self> {
        (0..gpu_compute::count()).map(|index| Self { index, driller: None }).collect()
    }

    fn driller(&mut self) -> Result<&mut Driller, GpuError> {
        match &mut self.driller {
            Some(driller) => Ok(driller),
            none => Ok(none.insert(Driller::open(self.index)?)),
        }
    }
}

impl Engine for Gpu {
    fn name(&self) -> String {
        format!("GPU {}", self.index)
    }

    fn gpu(&self) -> Option<u16> {
        u16::try_from(self.index).ok()
    }

    fn largest(&self) -> Class {
        Class::Large
    }

    fn work(
        &mut self,
        task: &Task,
        published: Option<&Published>,
        wanted: Option<u8>,
        control: &Arc<Control>,
    ) -> Result<Product, EngineError> {
        let done = self
            .driller()
            .and_then(|driller| driller.run(task, published, control, &wanted.into_iter().collect()));
        match done {
            // What the GPU used is in the activity records, which have NVML's counter.
            Ok(mut done) => {
                let layer = wanted.and_then(|layer| done.layers.remove(&layer));
                Ok(Product { outcome: done.outcome, layer, energy_mj: None, threads: 1 })
            }
            Err(GpuError::Work(error)) => Err(EngineError::Task(error)),
            Err(error @ GpuError::Memory { .. }) => {
                // What it held may be what was lacking.
                self.driller = None;
                Err(EngineError::Unfit(error.to_string()))
            }
            Err(error) => {
                self.driller = None;
                Err(EngineError::Lost(error.to_string()))
            }
        }
    }
}
