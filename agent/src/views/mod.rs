//! What people and their tools look at. Every view shows what `status` reads: the running agent's snapshot, the journal of anchors, and
//! the log. None keeps numbers of its own.

pub mod endpoint;
mod exposition;
#[cfg(test)]
mod fixtures;
mod metrics;
pub mod report;
pub mod top;
pub mod words;
