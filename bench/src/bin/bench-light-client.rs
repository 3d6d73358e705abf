//! Our light client alone in a process: says every finalised block that it learns of, until it is killed.
//!
//! `bench-light-client SPECIFICATION STATE_FOLDER`

#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use light_client::LightClient;
use std::{env, fs, path::Path};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument = |what: &'static str| arguments.next().context(what);
    let (specification, state) = (argument("which specification?")?, argument("which state folder?")?);
    let client = LightClient::start(&fs::read_to_string(specification)?, Path::new(&state)).await?;
    let mut after = 0;
    loop {
        let block = client.wait_finalized_after(after).await?;
        println!("finalised {:?}", block.hash);
        after = block.number;
    }
}
