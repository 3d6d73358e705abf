//! Working for the network: tasks are pulled, done, recorded, committed to and revealed; questions about results are answered.

mod energy;
pub mod limits;
mod results;
mod worker;
