//! Our light client alone in a process: says every finalised block that it learns of and when it has read from
//! the chain, until it is killed.
//!
//! `bench-light-client SPECIFICATION STATE_FOLDER`

#![forbid(unsafe_code)]

use anyhow::{Context, Result, bail};
use light_client::LightClient;
use std::{env, fs, path::Path, time::Duration};

const TRIES: u32 = 500;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument = |what: &'static str| arguments.next().context(what);
    let (specification, state) = (argument("which specification?")?, argument("which state folder?")?);
    let client = LightClient::start(&fs::read_to_string(specification)?, Path::new(&state)).await?;
    // Side by side: a read that waits must not make later heads look late.
    tokio::try_join!(heads(&client), read(&client)).map(drop)
}

async fn heads(client: &LightClient) -> Result<()> {
    let mut after = 0;
    loop {
        let block = client.wait_finalized_after(after).await?;
        println!("finalised {:?}", block.hash);
        after = block.number;
    }
}

/// One read of the runtime. A client that jumps ahead forgets the blocks that it had before, so a read may have to be made anew.
async fn read(client: &LightClient) -> Result<()> {
    client.wait_ready().await?;
    for _ in 0..TRIES {
        if client.call_api::<(String, String)>("Core_version", &()).await.is_ok() {
            println!("read");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("no read of the chain came through")
}
