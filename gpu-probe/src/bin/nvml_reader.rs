//! NVML in a process of its own, for tests: `nvml-reader nvml-reader [LIBRARY]`.

#![forbid(unsafe_code)]

use std::{env, io};

fn main() -> io::Result<()> {
    gpu_probe::reader::serve(env::args_os().skip(2))
}
