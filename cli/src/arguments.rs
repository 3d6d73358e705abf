//! The command line.

use crate::{
    amount::Amount,
    config::Config,
    span::{NoSpan, Span},
};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  matrixai key new --out owner.json
  matrixai chain spec --node http://127.0.0.1:9944 --out chain.json
  matrixai --chain chain.json --key owner.json token create --machines 20 --expires 7d --out token.key
  matrixai --chain chain.json --key owner.json machines
  matrixai --chain chain.json --key owner.json stake bond 100
  matrixai --chain chain.json --key owner.json authority join --stake 10000 --node http://127.0.0.1:9944
  matrixai --chain chain.json --key owner.json rewards claim
  matrixai tasks check batch.toml
  matrixai --chain chain.json --key owner.json balance --json

Settings: ~/.config/matrixai/cli.toml with chain, state, key, dev_account, password_file; each also as MATRIXAI_CHAIN and so on.
The password of a key file is asked for, or read from --password-file or MATRIXAI_PASSWORD.
Amounts of tokens have up to 12 decimals; in JSON they are strings, in the smallest unit (10^12 of them are a token).
Everything else that is counted is a number in JSON: blocks, tasks, weights, and compute power and the worth of tasks, both in micro-ut.
What goes wrong is told as text on standard error, with --json too: standard output is empty then.
Exit codes: 0 done, 1 failed, 2 wrong usage. NO_COLOR is respected; RUST_LOG shows more.";

const KEY: &str = "\
Examples:
  matrixai key new --out owner.json                      # shows the recovery phrase once
  matrixai key import --out owner.json --phrase-file phrase.txt
  matrixai --key owner.json key show
  matrixai --key owner.json key export --out inspector.seed";

const TOKEN: &str = "\
Examples:
  matrixai --chain chain.json --key owner.json token create --machines 20 --expires 7d --out token.key
  matrixai --chain chain.json --key owner.json token list
  matrixai --chain chain.json --key owner.json token revoke token.key

A token must outlive the block that it comes in, and the machines' enrolments: not less than an hour,
unless it is told in blocks.";

const MACHINES: &str = "\
Examples:
  matrixai --chain chain.json --key owner.json machines
  matrixai --chain chain.json machines --of 5F… --json
  matrixai --chain chain.json machines show ID --json > machine.json   # for `matrixai-inspector verify --machine`
  matrixai --chain chain.json --key owner.json machines retire ID

Before a machine retires, let its agent rest: `drill = false` in agent.toml, or MATRIXAI_DRILL=false. Retire it once its tasks are over and
their audits too, and leave the agent running until its deposit is back: a machine that retires with open tasks, or is asked about a finished one later
and does not answer, may lose its bond for each of them.

A ! behind a machine: a log of it was lost once, and what an earlier epoch anchored cannot be shown.";

const STAKE: &str = "\
Examples:
  matrixai --chain chain.json --key owner.json stake
  matrixai --chain chain.json --key owner.json stake bond 100
  matrixai --chain chain.json --key owner.json stake unbond 40       # comes free later
  matrixai --chain chain.json --key owner.json stake withdraw

Each machine that takes tasks must be covered by a bond (the chain's drilling.machineBond, 100 tokens where it isn't changed; `stake` shows
it). It is lost for each lie, for each question about a result that is not answered in time, and once for an outage in which results that
were committed to are not revealed, however many they are. Stake more than the least, and let agents rest (`drill = false`) before their
hosts go down.";

const ECP: &str = "\
Examples:
  matrixai --chain chain.json --key owner.json ecp
  matrixai --chain chain.json ecp --of 5F… --json

Compute power is shown in ut; in JSON it is a number, in micro-ut.";

const BALANCE: &str = "\
Examples:
  matrixai --chain chain.json --key owner.json balance
  matrixai --chain chain.json balance 5F… --json";

const TRANSFER: &str = "\
Examples:
  matrixai --chain chain.json --key owner.json transfer 5F… 12.5

It asks nothing first, and what is sent does not come back.";

const DEPOSITS: &str = "\
Examples:
  matrixai --chain chain.json --key owner.json deposits
  matrixai --chain chain.json deposits 5F… --json";

const CHAIN: &str = "\
Examples:
  matrixai chain spec --node http://127.0.0.1:9944 --out chain.json
  matrixai chain spec --node http://127.0.0.1:9944 --bootnode /dns/node.example/tcp/30333/p2p/12D3Koo… --out chain.json
  matrixai chain spec --node http://127.0.0.1:9944 --out chain.json --force      # a newer checkpoint

The file holds boot nodes and a checkpoint at the node's last finalised block, which `matrixai-node export-chain-spec` does not know.
Whoever starts from it trusts that node for the checkpoint: make it from a node of your own, and anew every few weeks for new machines.";

const AUTHORITY: &str = "\
Examples:
  matrixai authority                                   # state, stake, keys, weight now and in the next epoch
  matrixai authority join --stake 10000 --node http://127.0.0.1:9944
  matrixai authority join --stake 1000 --keys 0x… --proof 0x…      # of a node that cannot be reached from here
  matrixai authority bond 500
  matrixai authority leave

A node makes its keys itself: --node asks it (author_rotateKeysWithOwner, answered on the node's own host or with --rpc-methods unsafe).
Where the node cannot be reached from here, ask it there, with the owner's public key (`matrixai authority` shows it),
and give what it answers:
  curl -H 'Content-Type: application/json' http://127.0.0.1:9944 \\
    -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"author_rotateKeysWithOwner\",\"params\":[\"0xOWNER\"]}'
A stake never shrinks while its owner takes part, and keys cannot be changed: leave, withdraw, join anew.";

const REWARDS: &str = "\
Examples:
  matrixai rewards                   # free, locked, claimed so far
  matrixai rewards --of 5F… --json
  matrixai rewards claim";

const BATCH: &str = "\
Examples:
  matrixai tasks check batch.toml
  matrixai tasks data digits.network digits.shard --into data    # names them by their digests
  matrixai tasks publish batch.toml --data data                  # says the batch's number
  matrixai tasks list                                            # has batches under vote too
  matrixai tasks show 7 --json
  matrixai tasks vote 7                                          # with the owner's stake; --against votes no

On most chains owners with a stake vote on a batch before its tasks are given out.

A batch's file:
  rows = 1024                # of the batch that goes through the network
  inputs = 8192              # of its first layer
  count = 100                # tasks; each gets a seed of its own from the chain
  replicas = 2               # or 3: owners who do each task
  difficulty = 59652         # micro-ut; may be left out, the chain counts it anyway
  source = \"https://…\"      # where published data can be had
  [[layers]]                 # 1 to 16 of them
  outputs = 4096
  multiplier = 556100        # accumulators become inputs by (a · multiplier + 2^(shift − 1)) >> shift
  shift = 32
  [infer]                    # left out where inputs and weights are generated
  network = \"64 hex digits\"
  shard = \"64 hex digits\"
  items = 100";

/// The owner's tool: keys, join tokens, machines and balances.
#[derive(Parser)]
#[command(name = "matrixai", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// Options of all commands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Reads the command line. Where it is wrong, or asks for help, this ends the program.
    pub fn read() -> Self {
        let read = with_examples(Self::command()).get_matches();
        Self::from_arg_matches(&read).unwrap_or_else(|error| error.exit())
    }
}

/// A command without examples of its own shows those of its group.
fn with_examples(group: clap::Command) -> clap::Command {
    let examples = group.get_after_help().cloned();
    group.mut_subcommands(|command| match command.get_after_help() {
        None => with_examples(command.after_help(examples.clone().unwrap_or_default())),
        Some(_) => with_examples(command),
    })
}

/// Options of all commands.
#[derive(Args)]
pub struct Global {
    /// The chain's raw specification
    #[arg(long, global = true, value_name = "SPEC")]
    chain: Option<PathBuf>,
    /// Folder of the light client's database
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The account `//NAME` of development chains: Alice, Bob, …
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "key")]
    dev_account: Option<String>,
    /// The owner's key file
    #[arg(long, global = true, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File with the key file's password
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Another settings file
    #[arg(long, global = true, value_name = "FILE", env = "MATRIXAI_CONFIG")]
    pub config: Option<PathBuf>,
    /// Seconds to wait for the chain
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120)]
    pub timeout: u64,
    /// Report as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

impl Global {
    /// What the options set.
    pub fn options(&self) -> Config {
        Config {
            chain: self.chain.clone(),
            state: self.state.clone(),
            dev_account: self.dev_account.clone(),
            key: self.key.clone(),
            password_file: self.password_file.clone(),
        }
    }
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Makes, imports and shows key files; nothing of it touches the network
    #[command(subcommand, after_help = KEY)]
    Key(KeyCommand),
    /// What light clients start from
    #[command(subcommand, after_help = CHAIN)]
    Chain(ChainCommand),
    /// Join tokens: with one, a fleet enrols without the owner's key
    #[command(subcommand, after_help = TOKEN)]
    Token(TokenCommand),
    /// The owner's machines: level, standing, last anchor
    #[command(after_help = MACHINES)]
    Machines {
        /// Of another owner
        #[arg(long, value_name = "ACCOUNT")]
        of: Option<String>,
        /// More than the list.
        #[command(subcommand)]
        command: Option<MachinesCommand>,
    },
    /// What is at stake for the machines' results: without it they are given no tasks
    #[command(after_help = STAKE)]
    Stake {
        /// More than a look.
        #[command(subcommand)]
        command: Option<StakeCommand>,
    },
    /// Block production with the machines' compute power: keys, stake, weight
    #[command(after_help = AUTHORITY)]
    Authority {
        /// Of another owner
        #[arg(long, value_name = "ACCOUNT")]
        of: Option<String>,
        /// More than a look.
        #[command(subcommand)]
        command: Option<AuthorityCommand>,
    },
    /// What blocks and compute power have earned
    #[command(after_help = REWARDS)]
    Rewards {
        /// Of another owner
        #[arg(long, value_name = "ACCOUNT")]
        of: Option<String>,
        /// More than a look.
        #[command(subcommand)]
        command: Option<RewardsCommand>,
    },
    /// Compute power of the owner, its machines, and the network
    #[command(after_help = ECP)]
    Ecp {
        /// Of another owner
        #[arg(long, value_name = "ACCOUNT")]
        of: Option<String>,
    },
    /// Batches of tasks for the network
    #[command(subcommand, after_help = BATCH)]
    Tasks(TasksCommand),
    /// What an account has
    #[command(after_help = BALANCE)]
    Balance {
        /// Another account than the own
        account: Option<String>,
    },
    /// What is held of an account, and why
    #[command(after_help = DEPOSITS)]
    Deposits {
        /// Another account than the own
        account: Option<String>,
    },
    /// Sends tokens
    #[command(after_help = TRANSFER)]
    Transfer {
        /// To whom
        to: String,
        /// How many tokens, as in 12.5
        amount: Amount,
    },
}

/// Key files.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Draws a recovery phrase, shows it once, and writes its key encrypted
    New {
        /// The key file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Words of the phrase: 12 or 24
        #[arg(long, default_value_t = 12, value_parser = words)]
        words: usize,
        /// Derivation path, as in //owner//0
        #[arg(long, default_value = "", hide_default_value = true)]
        path: String,
    },
    /// Writes the key of a recovery phrase encrypted; the phrase is asked for
    Import {
        /// The key file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// File with the phrase, instead of asking
        #[arg(long, value_name = "FILE")]
        phrase_file: Option<PathBuf>,
        /// Derivation path, as in //owner//0
        #[arg(long, default_value = "", hide_default_value = true)]
        path: String,
    },
    /// Shows the account of the key
    Show,
    /// Writes the bare seed, for a daemon that cannot ask for a password
    Export {
        /// The file to write, readable by its owner only
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Chains.
#[derive(Subcommand)]
pub enum ChainCommand {
    /// Writes a running chain's specification, with boot nodes and a checkpoint, for agents, inspectors and this tool
    Spec(Spec),
}

/// Whom to ask, and where to write.
#[derive(Args)]
pub struct Spec {
    /// The RPC address of a node of the chain
    #[arg(long, value_name = "URL")]
    pub node: String,
    /// Where light clients find the chain; may be given several times [default: the node's own addresses]
    #[arg(long = "bootnode", value_name = "MULTIADDR")]
    pub bootnodes: Vec<String>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Overwrites the file
    #[arg(long)]
    pub force: bool,
}

/// Machines need time to enrol.
fn lifetime(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: NoSpan| error.to_string())?;
    match span.0.as_secs() {
        0..3600 => Err("machines need time to enrol: not less than an hour, or tell it in --blocks".into()),
        _ => Ok(span),
    }
}

/// Join tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Makes a token; its deposit is held until the machines retire or the token is revoked
    Create {
        /// For how many machines
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        machines: u32,
        /// For how long, as in 7d or 12h
        #[arg(long, value_name = "SPAN", required_unless_present = "blocks", value_parser = lifetime)]
        expires: Option<Span>,
        /// For how many blocks
        #[arg(long, value_name = "NUMBER", conflicts_with = "expires", value_parser = clap::value_parser!(u32).range(1..))]
        blocks: Option<u32>,
        /// The token file to write: give it to the machines
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Lists the owner's tokens
    List,
    /// Makes a token void; what its unused part holds comes back
    Revoke {
        /// The token's public half in hex, or its file
        token: String,
    },
}

/// The stake.
#[derive(Subcommand)]
pub enum StakeCommand {
    /// Puts more tokens at stake; each lie costs a machine's bond of it, and so does an outage
    Bond {
        /// How many
        amount: Amount,
    },
    /// Takes some away; it comes free later
    Unbond {
        /// How many
        amount: Amount,
    },
    /// Takes back what has come free
    Withdraw,
}

/// Block production.
#[derive(Subcommand)]
pub enum AuthorityCommand {
    /// Stakes, and takes part with a node's keys
    Join(Join),
    /// Puts more tokens at stake
    Bond {
        /// How many
        amount: Amount,
    },
    /// Wants a seat among those who vote on finality
    Seat {
        /// Gives it up instead
        #[arg(long)]
        give_up: bool,
    },
    /// Takes part again after having been idle
    Wake,
    /// Takes part no more; the stake comes free later
    Leave,
    /// Takes the stake back, once its time has come
    Withdraw,
}

/// With what to join.
#[derive(Args)]
pub struct Join {
    /// How many tokens to stake; enough of them bring a seat among the voters
    #[arg(long)]
    pub stake: Amount,
    /// The RPC address of the owner's node, which then makes fresh keys; otherwise give --keys and --proof
    #[arg(long, value_name = "URL", conflicts_with_all = ["keys", "proof"])]
    pub node: Option<String>,
    /// The node's public keys in hex
    #[arg(long, value_name = "HEX", requires = "proof")]
    pub keys: Option<String>,
    /// The node's proof that it holds them
    #[arg(long, value_name = "HEX", requires = "keys")]
    pub proof: Option<String>,
}

/// Earnings.
#[derive(Subcommand)]
pub enum RewardsCommand {
    /// Pays out what is free
    Claim,
}

/// Batches of tasks.
#[derive(Subcommand)]
pub enum TasksCommand {
    /// Says what a batch's file describes, and what is wrong with it; nothing of it touches the network
    Check {
        /// The file
        file: PathBuf,
        /// Folder with the network and the shard of a batch that runs over published data [default: the file's own]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Publishes a batch; its deposit and the price of its tasks are held
    Publish {
        /// The file
        file: PathBuf,
        /// Folder with the network and the shard of a batch that runs over published data [default: the file's own]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Says what files of networks and shards are, and what a batch's file has to say of them; nothing of it touches the network
    Data {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Folder to copy them into, under the names by which machines and inspectors look for them
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Lists batches that have tasks left, and those that are voted on
    List,
    /// Everything about one batch: what it computes, what is left, what is held for it, its vote
    Show {
        /// Its number
        #[arg(value_name = "NUMBER")]
        batch: u32,
    },
    /// Votes on a batch with the owner's stake
    Vote {
        /// Its number
        batch: u32,
        /// Against it
        #[arg(long)]
        against: bool,
    },
    /// Ends a batch of one's own
    End {
        /// Its number
        batch: u32,
    },
}

/// Machines.
#[derive(Subcommand)]
pub enum MachinesCommand {
    /// Everything about one machine, anybody's
    Show {
        /// Its identifier in hex
        id: String,
    },
    /// Takes a machine out of service; its deposit comes back two weeks later. Let its agent rest first
    Retire {
        /// Its identifier in hex
        id: String,
    },
}

fn words(text: &str) -> Result<usize, String> {
    match text {
        "12" => Ok(12),
        "24" => Ok(24),
        _ => Err("12 or 24".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        with_examples(Arguments::command()).debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in [
            "matrixai --chain c --dev-account Alice --state s machines --json",
            "matrixai machines --json --chain c --dev-account Alice --state s",
            "matrixai --dev-account Alice --state s --chain c token create --machines 1 --expires 1d --out token.key",
        ] {
            let parsed = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(parsed.global.options().dev_account.as_deref(), Some("Alice"));
        }
    }

    #[test]
    fn wrong_usage_is_refused() {
        for line in [
            "matrixai",
            "matrixai token create --machines 0 --expires 1d --out t",
            "matrixai token create --machines 1 --out t",
            "matrixai token create --machines 1 --expires 1d --blocks 9 --out t",
            "matrixai token create --machines 1 --expires 59m --out t",
            "matrixai key new --out k --words 13",
            "matrixai --key k --dev-account Alice machines",
            "matrixai authority join --stake 1 --keys aa",
            "matrixai authority join --stake 1 --keys aa --proof bb --node http://n",
            "matrixai tasks data",
            "matrixai chain spec --out c.json",
            "matrixai chain spec --node http://n",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
