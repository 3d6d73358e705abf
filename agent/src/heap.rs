//! One heap for all threads.
//!
//! glibc gives threads heaps of their own, up to eight per core, and what the light client frees at its start (the specification, the
//! runtime's code) stays in whichever had it: 60 MiB resident, 45 with a single one. The threads here wait for blocks, seconds and the
//! TPM, and allocate too little to wait for each other.

/// To be called before the first thread starts.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "glibc has no other way in but the environment of a new process")]
pub fn share_one() {
    // SAFETY: no thread but this one runs yet, and the parameters are the documented ones. What it answers does not matter: with more
    // heaps the agent is larger, and as right.
    unsafe { nix::libc::mallopt(nix::libc::M_ARENA_MAX, 1) };
}

/// Other C libraries have one heap.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub const fn share_one() {}
