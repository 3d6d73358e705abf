//! `matrixai-inspector`: the command line. What it does is the library's.

#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand};
use drilling::Library;
use inspector::{
    account::Account,
    advice,
    audit::Auditor,
    chain,
    error::Error,
    hint,
    judgement::Rules,
    report::{Duty, Status},
    sampling::{self, Hunt},
    snapshots,
    verify::{Against, verify},
    watch::{Ended, Watch},
};
use light_client::{Key, LightClient};
use serde::Serialize;
use std::{
    fmt::Display,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

const EXAMPLES: &str = "\
Examples:
  matrixai-inspector run --chain chain.json --state /var/lib/inspector --roots roots --key inspector.seed
  matrixai-inspector status --chain chain.json --state /tmp/look --key inspector.seed --json
  matrixai-inspector verify --evidence evidence.json --log log --roots roots --machine machine.json
  matrixai-inspector snapshot --evidence evidence.json --log log --headers headers.json weights.safetensors
  matrixai-inspector sample --machines 10000 --flop 1e25 --rate 4e14 --probability 0.99

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, or a file that it names and that cannot be read.
RUST_LOG sets what is logged (default: what the inspector does, and errors).";

const RUN: &str = "\
Examples:
  matrixai-inspector run --chain chain.json --state /var/lib/inspector --roots roots --key inspector.seed
  MATRIXAI_DEV_ACCOUNT=Bob matrixai-inspector run --chain chain.json --state bob --roots roots   # development chains

The roots folder: hardware/ and virtual/ hold the root certificates of makers of TPMs and of issuers of virtual ones, intermediates/
those between a root and an EK certificate (PEM or DER, any file names), ecc-only.txt the makers whose TPMs have no RSA key.
Makers publish theirs: vouch for each file yourself. `matrixai chain spec` writes the chain's specification; `matrixai key export` a seed.";

const STATUS: &str = "\
Examples:
  matrixai-inspector status --chain chain.json --state /tmp/look --key inspector.seed
  matrixai-inspector status --chain chain.json --state /tmp/look --key inspector.seed --json | jq .registration.bond

The state folder of a running inspector is its own: name another one.";

const ASK: &str = "\
Examples:
  matrixai-inspector ask --chain chain.json --state /tmp/look --key inspector.seed MACHINE
  matrixai-inspector snapshot --evidence evidence.json --log log --headers headers.json   # later: has its log answered?

Registered inspectors ask; a machine is left in peace for 600 blocks after a question, whoever asked. The question stands in the header of its
block, whose hash makes the challenge. The machine anchors what it found at once, so that the chain knows when it was done.
The state folder of a running inspector is its own: name another one.";

const SAMPLE: &str = "\
Examples:
  matrixai-inspector sample --machines 10000 --flop 1e25 --rate 4e14 --probability 0.99
  matrixai-inspector sample --list machines.txt --seed HEX --flop 1e25 --rate 4e14 --json | jq -r '.drawn[]'";

const VERIFY: &str = "\
Examples:
  matrixai-inspector verify --evidence evidence.json --log log --roots roots
  matrixai --chain chain.json machines show ID --json > machine.json       # the chain's word, by a light client of your own
  matrixai-inspector verify --evidence evidence.json --log log --roots roots --machine machine.json
  matrixai-inspector verify --evidence evidence.json --log log --json | jq .identity_proven

Without --machine nothing here says whose evidence it is: endorsement key and certificate are public, and whether the key that signed
lives in that TPM was shown to the chain alone. With --roots, a certificate that earns neither `hardware` nor `virtual` is refused.
Of the log's folder, files that a log of its size does not have are ignored; every other one is recomputed from the entries.
With --machine: get the chain's word after the evidence was exported. `remark` lines tell what it means to whoever relies on the machine: that it
has lapsed, say, or that anchors are not shown. They do not change the exit code.
Exit codes: 0 verified, 1 refused, 2 wrong usage, such as a roots folder without roots, or a file that cannot be read.";

/// A raw specification holds the runtime in hex, some MiB, and the first state.
const LONGEST_SPECIFICATION: u64 = 64 << 20;

/// smoldot tells much that only its developers want to know.
const LOGGED: &str = "error,inspector=info,matrixai_inspector=info,light_client=info";

/// Inspects machines that ask to enrol, and verifies what machines export.
#[derive(Parser)]
#[command(name = "matrixai-inspector", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watches the chain, challenges machines and votes, until SIGTERM
    #[command(after_help = RUN)]
    Run {
        #[command(flatten)]
        chain: OnChain,
        /// Folder with hardware/, virtual/, intermediates/ (certificates) and ecc-only.txt
        #[arg(long, value_name = "DIR", env = "MATRIXAI_ROOTS")]
        roots: PathBuf,
        /// Folder with published networks and shards (DIGEST.network, DIGEST.shard) for disputes about tasks that run over them; `data`
        /// in the state folder where it is not given
        #[arg(long, value_name = "DIR", env = "MATRIXAI_DRILL_DATA")]
        data: Option<PathBuf>,
        /// Do not register when not registered
        #[arg(long)]
        no_register: bool,
    },
    /// Shows the registration and the duties that wait
    #[command(after_help = STATUS)]
    Status {
        #[command(flatten)]
        chain: OnChain,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Lists the duties that wait
    Duties {
        #[command(flatten)]
        chain: OnChain,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Asks an active machine's GPUs for a challenge, in the chain's name: its log has to tell of it (docs/gpu-challenges.md)
    #[command(after_help = ASK)]
    Ask {
        #[command(flatten)]
        chain: OnChain,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// The machine, 32 bytes in hex
        machine: String,
    },
    /// Leaves the registry: no draws any more, and the bond comes free later
    Leave {
        #[command(flatten)]
        chain: OnChain,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Takes the bond back, once its time has come
    Withdraw {
        #[command(flatten)]
        chain: OnChain,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Whose logs must be looked at to catch a large run? How many, and with --list which (docs/sampling.md)
    #[command(after_help = SAMPLE)]
    Sample(Sample),
    /// Looks what a log tells of jobs' weights and challenged GPUs: every draw kept? where is this file's digest? (docs/snapshots.md)
    Snapshot {
        /// The evidence, as `matrixai-agent evidence export` writes it
        #[arg(long, value_name = "FILE")]
        evidence: PathBuf,
        /// The log, as `matrixai-agent log export` writes it
        #[arg(long, value_name = "DIR")]
        log: PathBuf,
        /// Block headers in JSON, one after the other and no array, oldest first, as a node's chain_getHeader gives them: checks that every
        /// draw was kept
        #[arg(long, value_name = "FILE")]
        headers: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Files of weights to look for
        files: Vec<PathBuf>,
    },
    /// Hints at what a log's GPUs were doing: training or other work? No evidence (docs/hint.md)
    Hint {
        /// The evidence, as `matrixai-agent evidence export` writes it
        #[arg(long, value_name = "FILE")]
        evidence: PathBuf,
        /// The log, as `matrixai-agent log export` writes it
        #[arg(long, value_name = "DIR")]
        log: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Verifies a machine's exported evidence, offline
    #[command(after_help = VERIFY)]
    Verify {
        /// The evidence, as `matrixai-agent evidence export` writes it
        #[arg(long, value_name = "FILE")]
        evidence: PathBuf,
        /// The log, as `matrixai-agent log export` writes it
        #[arg(long, value_name = "DIR")]
        log: Option<PathBuf>,
        /// Roots folder: judges the EK certificate too, and refuses one of nobody known (`run --help` says what it holds); with gpu/
        /// (certificates) also the reports of GPUs
        #[arg(long, value_name = "DIR")]
        roots: Option<PathBuf>,
        /// Accepts an EK certificate of nobody known, or none
        #[arg(long, requires = "roots")]
        allow_unverified: bool,
        /// The chain's word on the machine, as `matrixai machines show ID --json` writes it: without it, no identity is proven
        #[arg(long, value_name = "FILE")]
        machine: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// A run that is looked for, and where.
#[derive(Args)]
struct Sample {
    /// Machines that keep logs; as many as the list has, where one is given
    #[arg(long, value_name = "NUMBER", required_unless_present = "list")]
    machines: Option<u64>,
    /// The machines, one identifier in hex a line
    #[arg(long, value_name = "FILE", requires = "seed")]
    list: Option<PathBuf>,
    /// 32 bytes in hex that nobody knew when the logs were written: a later block's randomness
    #[arg(long, value_name = "HEX")]
    seed: Option<String>,
    /// The run, FLOP: 1e25
    #[arg(long)]
    flop: f64,
    /// What one machine does at most, FLOP/s: 4e14
    #[arg(long)]
    rate: f64,
    /// Days that the logs cover
    #[arg(long, default_value_t = 30.0)]
    days: f64,
    /// Mean hours between two pieces of evidence
    #[arg(long, value_name = "HOURS", default_value_t = 24.0)]
    interval: f64,
    /// With what probability the run is to be caught
    #[arg(long, default_value_t = 0.9)]
    probability: f64,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Which chain, and who on it.
#[derive(Args)]
struct OnChain {
    /// The chain's raw specification
    #[arg(long, value_name = "SPEC", env = "MATRIXAI_CHAIN")]
    chain: PathBuf,
    /// Folder for secrets, outbox and chain database
    #[arg(long, value_name = "DIR", env = "MATRIXAI_STATE")]
    state: PathBuf,
    /// Seconds to wait for the chain, for all commands but `run`
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
    #[command(flatten)]
    account: Account,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 1),
    };
    match runtime.block_on(execute(arguments.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_usage() => fail(&error, 2),
        Err(error) => fail(&error, 1),
    }
}

fn fail(error: &dyn Display, code: u8) -> ExitCode {
    plain_io::tell!("matrixai-inspector: {error}");
    ExitCode::from(code)
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(LOGGED));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let told = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    // What cannot be written to standard error must not be told there, for that would panic.
    told.log_internal_errors(false).with_writer(std::io::stderr).init();
}

async fn execute(command: Command) -> Result<(), Error> {
    match command {
        Command::Run { chain, roots, data, no_register } => {
            let library = Library::new(&data.unwrap_or_else(|| chain.state.join("data")));
            run(&chain, &roots, &library, !no_register).await
        }
        Command::Status { chain, json } => {
            let status = status(&chain).await?;
            print(&status, &status, json)
        }
        Command::Duties { chain, json } => {
            let duties = status(&chain).await?.duties;
            let table = if duties.is_empty() { "no duties wait\n".into() } else { table(&duties) };
            print(&duties, &table, json)
        }
        Command::Ask { chain, json, machine } => {
            let machine = sampling::read_seed(&machine)?;
            call(
                &chain,
                chain::ask(machine),
                "asked: where its agent watches GPUs, the machine's log has to tell of it",
                json,
            )
            .await
        }
        Command::Leave { chain, json } => {
            call(&chain, chain::leave(), "left: `withdraw` later gives the bond back", json).await
        }
        Command::Withdraw { chain, json } => call(&chain, chain::withdraw(), "the bond is back", json).await,
        Command::Sample(asked) => sample(&asked),
        Command::Snapshot { evidence, log, headers, json, files } => {
            let found = snapshots::check(&evidence, &log, headers.as_deref(), &files)?;
            print(&found, &found, json)?;
            found.verdict()
        }
        Command::Hint { evidence, log, json } => {
            let hints = hint::hint(&evidence, &log)?;
            print(&hints, &hints, json)
        }
        Command::Verify { evidence, log, roots, allow_unverified, machine, json } => {
            let (log, roots, machine) = (log.as_deref(), roots.as_deref(), machine.as_deref());
            let verified = verify(&evidence, &Against { log, roots, allow_unverified, machine })?;
            print(&verified, &verified, json)
        }
    }
}

fn sample(asked: &Sample) -> Result<(), Error> {
    let list = asked.list.as_deref().map(sampling::read_list).transpose()?;
    let seed = asked.seed.as_deref().map(sampling::read_seed).transpose()?;
    let machines = list.as_ref().map_or(asked.machines.unwrap_or(0), |list| list.len() as u64);
    let (period, interval) = (asked.days * 86_400.0, asked.interval * 3_600.0);
    let hunt = Hunt { machines, flop: asked.flop, rate: asked.rate, period, interval };
    let plan = sampling::plan(&hunt, asked.probability, seed.zip(list))?;
    print(&plan, &plan, asked.json)
}

async fn run(chain: &OnChain, roots: &Path, library: &Library, register: bool) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let mut stop = std::pin::pin!(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    let key = chain.account.key()?;
    let mut client = start(chain).await?;
    let mut auditor = Auditor::open(&chain.state.join("disputes"), library.clone())?;
    loop {
        tracing::info!(account = %key.account(), genesis = ?client.genesis(), "watching");
        let watch = Watch::open(client, key.clone(), Rules::load(roots)?, &chain.state, &mut auditor)?;
        match watch.run(register, &mut stop).await? {
            Ended::Asked => {
                tracing::info!("stopping");
                return Ok(());
            }
            Ended::Stuck => {
                tracing::warn!("the light client does not answer; starting it anew");
                client = start(chain).await?;
            }
        }
    }
}

async fn start(chain: &OnChain) -> Result<LightClient, Error> {
    let specification = plain_io::read_to_string(&chain.chain, LONGEST_SPECIFICATION)
        .map_err(|source| Error::Specification { path: chain.chain.clone(), source })?;
    Ok(LightClient::start(&specification, &chain.state).await?)
}

/// A light client that has finalised blocks, and the key.
async fn ready(chain: &OnChain) -> Result<(LightClient, Key), Error> {
    let key = chain.account.key()?;
    let client = start(chain).await?;
    match tokio::time::timeout(Duration::from_secs(chain.timeout), client.wait_ready()).await {
        Ok(reached) => reached?,
        Err(_) => return Err(Error::Unreachable(chain.timeout, format!("{:?}", client.status()))),
    }
    Ok((client, key))
}

async fn status(chain: &OnChain) -> Result<Status, Error> {
    let (client, key) = ready(chain).await?;
    let at = client.latest().await?;
    let account = key.account();
    let registration = chain::registration(&at, &account).await?;
    let duties = chain::duties_of(&at, &account).await?.iter().map(Duty::from).collect();
    Ok(Status { account: account.to_string(), block: at.block_number(), registration, duties })
}

/// How often a call is made again whose nonce another took.
const TRIES: u32 = 5;

async fn call(
    chain: &OnChain,
    call: impl light_client::subxt::tx::Payload,
    done: &str,
    json: bool,
) -> Result<(), Error> {
    let (client, key) = ready(chain).await?;
    let mut included = client.call(&call, &key).await;
    // The watch that runs on the same account takes nonces, too. No call here has an effect twice.
    for _ in 0..TRIES {
        if !matches!(included, Err(light_client::Error::NonceTaken(_))) {
            break;
        }
        included = client.call(&call, &key).await;
    }
    let included = included.map_err(advice::on)?;
    let block = included.block.number;
    print(&serde_json::json!({ "done": done, "block": block }), &format!("{done}, in block {block}\n"), json)
}

fn table(duties: &[Duty]) -> String {
    duties.iter().map(Duty::to_string).collect()
}

fn print(value: &impl Serialize, text: &impl Display, json: bool) -> Result<(), Error> {
    let text = if json { serde_json::to_string_pretty(value)? + "\n" } else { text.to_string() };
    plain_io::print(&text).map_err(Error::Write)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::{env, fs::File, process::Command};

    /// In a process of its own: whether a line can be written is a matter of its standard error.
    #[test]
    fn log_lines_that_cannot_be_written_end_nothing() {
        const CHILD: &str = "MATRIXAI_TEST_OF_LOG_LINES";
        if env::var_os(CHILD).is_some() {
            log_to_stderr();
            return tracing::error!("to nobody");
        }
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "tests::log_lines_that_cannot_be_written_end_nothing", "--nocapture"]);
        child.env(CHILD, "").env_remove("RUST_LOG").stderr(full);
        let output = child.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
}
