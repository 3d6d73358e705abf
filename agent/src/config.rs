//! Configuration: one TOML file, every key overridable by an environment variable `MATRIXAI_<KEY>`.

use crate::{drill::limits::QuietHours, replay, weights::Pattern};
use drilling::cpu::Backend;
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};
use std::{
    io::ErrorKind,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Some lines, and some more for each job.
const LARGEST: u64 = 1 << 20;
/// A record covers a day at most, s.
const LONGEST_WINDOW: u64 = 86_400;
/// Between two anchors is a year at most, s.
const LONGEST_PERIOD: u64 = 31_536_000;

/// Where the packaged agent keeps its configuration.
pub const DEFAULT_PATH: &str = "/etc/matrixai/agent.toml";

/// Sizes of tasks, by the names that operators write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrillClass {
    /// Milliseconds on a processor core: for development chains.
    Tiny,
    /// A quarter of a second on a core.
    Small,
    /// A minute on a processor.
    Medium,
    /// For large accelerators.
    Large,
}

impl From<DrillClass> for drilling::Class {
    fn from(class: DrillClass) -> Self {
        match class {
            DrillClass::Tiny => Self::Tiny,
            DrillClass::Small => Self::Small,
            DrillClass::Medium => Self::Medium,
            DrillClass::Large => Self::Large,
        }
    }
}

/// What works on tasks, by the names that operators write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrillOn {
    /// The GPUs; the processor where there is none.
    Auto,
    /// The GPUs alone.
    Gpus,
    /// The processor alone.
    Processor,
    /// The GPUs, and the processor for tasks up to `small`.
    Both,
}

/// What tasks are done with, by the names that operators write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrillBackend {
    /// The fastest that this processor has.
    Auto,
    /// AMX.
    Amx,
    /// AVX-512 with VNNI.
    Avx512,
    /// AVX2.
    Avx2,
    /// NEON.
    Neon,
    /// Nothing that not every processor has.
    Scalar,
}

impl From<DrillBackend> for Backend {
    fn from(backend: DrillBackend) -> Self {
        match backend {
            DrillBackend::Auto => Self::fastest(),
            DrillBackend::Amx => Self::Amx,
            DrillBackend::Avx512 => Self::Avx512,
            DrillBackend::Avx2 => Self::Avx2,
            DrillBackend::Neon => Self::Neon,
            DrillBackend::Scalar => Self::Scalar,
        }
    }
}

/// A job whose weights are watched.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// What the operator calls it. The log has a digest of that.
    pub name: String,
    /// Where its checkpoints are.
    pub checkpoints: Pattern,
}

/// Everything an operator can set. Unknown keys are refused, so that a typing slip is seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Keys, log, outbox and chain database live here.
    pub state_dir: PathBuf,
    /// `device:/dev/tpmrm0`, `tcp:HOST:PORT` or `unix:PATH`.
    pub tpm: String,
    /// The chain's specification (raw JSON, as the node exports it).
    pub chain_spec: PathBuf,
    /// Seconds between two samples of every chip.
    pub sample_seconds: u64,
    /// Seconds that one activity record covers.
    pub window_seconds: u64,
    /// Seconds between two anchors. A TPM's NV memory lasts some 100,000 of them.
    pub anchor_seconds: u64,
    /// PCRs that the device key is sealed to, and that the boot quote covers.
    pub pcrs: Vec<u8>,
    /// Another `libnvidia-ml.so` than the system's.
    pub nvml: Option<PathBuf>,
    /// A recording that the library in `nvml`'s place plays: set by the environment alone, where that library reads it. All that is told
    /// of GPUs then says so.
    pub nvml_recording: Option<PathBuf>,
    /// Where Prometheus finds metrics: `127.0.0.1:9709`. Nowhere by default.
    pub metrics: Option<SocketAddr>,
    /// Whether to work on the network's tasks.
    pub drill: bool,
    /// The size of those tasks: a hundredfold from each to the next.
    pub drill_class: DrillClass,
    /// How many of them at one time, at most. The agent asks for as many as it does in time.
    pub drill_places: u8,
    /// What works on them.
    pub drill_on: DrillOn,
    /// The processor's threads for that; as many as there are processors where this is 0.
    pub drill_threads: usize,
    /// The processor's instructions for that; where the processor lacks them, an error.
    pub drill_backend: DrillBackend,
    /// Hours of the day, UTC, in which no task is worked on: `22:00-06:30`.
    pub drill_quiet: Option<QuietHours>,
    /// While the processors draw more than this, no task is worked on.
    pub drill_power_watts: Option<u32>,
    /// Folder with the published networks and shards that tasks run over; `data` in `state_dir` where it is not set.
    pub drill_data: Option<PathBuf>,
    /// Blocks between two digests of a job's weights, on average. Which, the chain's randomness says.
    pub snapshot_blocks: u32,
    /// Blocks between two challenges of the GPUs, on average; never where this is 0. Which, the chain's randomness says.
    pub challenge_blocks: u32,
    /// Share of a GPU's free memory that a challenge fills, %.
    pub challenge_memory_percent: u8,
    /// Jobs whose checkpoints are watched.
    #[serde(default)]
    pub job: Vec<Job>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: "/var/lib/matrixai".into(),
            tpm: "device:/dev/tpmrm0".into(),
            chain_spec: "/etc/matrixai/chain.json".into(),
            sample_seconds: 1,
            window_seconds: 60,
            anchor_seconds: 3600,
            pcrs: vec![0, 2, 4, 7],
            nvml: None,
            nvml_recording: None,
            metrics: None,
            drill: true,
            drill_class: DrillClass::Small,
            drill_places: u8::MAX,
            drill_on: DrillOn::Auto,
            drill_threads: 0,
            drill_backend: DrillBackend::Auto,
            drill_quiet: None,
            drill_power_watts: None,
            drill_data: None,
            snapshot_blocks: 100,
            challenge_blocks: 14_400,
            challenge_memory_percent: 90,
            job: Vec::new(),
        }
    }
}

/// A configuration that cannot be used, and what to mend.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable that does not parse.
    #[error("configuration: {0}")]
    Invalid(String),
    /// A file named on the command line is not there.
    #[error("configuration file {0} does not exist")]
    Missing(PathBuf),
    /// A file that is there and cannot be read, or is none.
    #[error("configuration file {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A value that makes no sense.
    #[error("configuration: {0}")]
    Senseless(&'static str),
    /// A variable that is no text.
    #[error("{0} in the environment is not UTF-8")]
    NoText(String),
    /// What is to be told does not parse.
    #[error(
        "MATRIXAI_LOG in the environment: {0}; write error, warn, info or debug, or per part: `info,light_client=debug`"
    )]
    Log(String),
}

impl Config {
    /// Variables of the environment that look like ours and name no key: most likely a typing slip.
    pub fn unknown_variables() -> Vec<String> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let key = |name: &String| name.strip_prefix("MATRIXAI_").map(str::to_lowercase);
        let known = |key: String| key == "log" || KEYS.contains(&key.as_str());
        names.filter(|name| key(name).is_some_and(|key| !known(key))).collect()
    }

    /// Reads the file (the default one may be absent, a named one may not), then the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let text = read(file)?;
        if let Some(name) = unreadable_variable() {
            return Err(ConfigError::NoText(name));
        }
        let config: Self = Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::string(&text))
            .merge(Env::prefixed("MATRIXAI_").only(KEYS))
            .extract()
            .map_err(|error| {
                ConfigError::Invalid(in_words(error, file.unwrap_or(Path::new(DEFAULT_PATH))))
            })?;
        config.check()
    }

    fn check(mut self) -> Result<Self, ConfigError> {
        if let Some(why) = self.left_empty() {
            return Err(ConfigError::Senseless(why));
        }
        if !names_tpm(&self.tpm) {
            return Err(ConfigError::Senseless("tpm must be device:/dev/tpmrm0, tcp:HOST:PORT or unix:PATH"));
        }
        if self.sample_seconds == 0 || self.window_seconds < self.sample_seconds {
            return Err(ConfigError::Senseless(
                "window_seconds must be at least sample_seconds, and that at least 1",
            ));
        }
        if self.window_seconds > LONGEST_WINDOW {
            return Err(ConfigError::Senseless("window_seconds must be at most 86400, a day"));
        }
        if !Backend::available().contains(&self.drill_backend.into()) {
            return Err(ConfigError::Senseless(
                "this processor lacks the instructions that drill_backend names; auto takes the fastest it has",
            ));
        }
        if self.drill_places == 0 {
            return Err(ConfigError::Senseless(
                "drill_places must be at least 1; drill = false takes no tasks",
            ));
        }
        if !(1..=LONGEST_PERIOD).contains(&self.anchor_seconds) {
            return Err(ConfigError::Senseless(
                "anchor_seconds must be at least 1, and at most 31536000, a year",
            ));
        }
        if self.pcrs.is_empty() || self.pcrs.iter().any(|pcr| *pcr > 15) {
            return Err(ConfigError::Senseless(
                "pcrs must name PCRs 0 to 15 (16 and 23 can be reset by anyone)",
            ));
        }
        if self.nvml_recording.is_some() && std::env::var_os(replay::VARIABLE).is_none() {
            return Err(ConfigError::Senseless(
                "nvml_recording cannot be in the file: the library that replays reads MATRIXAI_NVML_RECORDING from the environment",
            ));
        }
        if self.snapshot_blocks == 0 {
            return Err(ConfigError::Senseless("snapshot_blocks must be at least 1"));
        }
        if !(1..=MOST_MEMORY).contains(&self.challenge_memory_percent) {
            return Err(ConfigError::Senseless(
                "challenge_memory_percent must be 1 to 95 (the result's tree needs the rest); challenge_blocks = 0 asks for none",
            ));
        }
        if self.job.len() > JOBS {
            return Err(ConfigError::Senseless("there are more than 16 jobs"));
        }
        let mut names: Vec<&str> = self.job.iter().map(|job| job.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < self.job.len() {
            return Err(ConfigError::Senseless("two jobs have one name"));
        }
        if self.state_dir.is_relative() {
            let folder = self.state_dir.display();
            tracing::warn!(
                "state_dir = {folder} is taken from wherever a command is started; write it from / on"
            );
        }
        // A quote's digest goes through them in order.
        let named = self.pcrs.len();
        self.pcrs.sort_unstable();
        self.pcrs.dedup();
        if self.pcrs.len() < named {
            tracing::warn!("pcrs names a PCR twice; once is enough");
        }
        Ok(self)
    }

    /// An empty path would be the current folder.
    fn left_empty(&self) -> Option<&'static str> {
        let empty = |path: &Path| path.as_os_str().is_empty();
        let unset = |path: &Option<PathBuf>| path.as_deref().is_some_and(empty);
        [
            (empty(&self.state_dir), "state_dir is empty: name a folder, or leave the key out"),
            (empty(&self.chain_spec), "chain_spec is empty: name a file, or leave the key out"),
            (unset(&self.nvml), "nvml is empty: name a library, or leave the key out"),
            (unset(&self.nvml_recording), "nvml_recording is empty: name a file, or leave the key out"),
            (unset(&self.drill_data), "drill_data is empty: name a folder, or leave the key out"),
        ]
        .into_iter()
        .find_map(|(is_empty, why)| is_empty.then_some(why))
    }
}

/// The file's text. The default one may be absent, one that was named may not.
fn read(file: Option<&Path>) -> Result<String, ConfigError> {
    let path = file.unwrap_or(Path::new(DEFAULT_PATH));
    match plain_io::read_to_string(path, LARGEST) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => match file {
            None => Ok(String::new()),
            Some(path) => Err(ConfigError::Missing(path.into())),
        },
        Err(error) => Err(ConfigError::Unreadable(path.into(), error)),
    }
}

/// What is wrong, and where an operator finds it.
fn in_words(error: figment::Error, file: &Path) -> String {
    let told = error.into_iter().map(|error| {
        let key = error.path.join(".");
        let variable = error.metadata.as_ref().is_some_and(|source| source.name.contains("environment"));
        let place = match (variable, key.as_str()) {
            (true, key) => format!("MATRIXAI_{} in the environment", key.to_uppercase()),
            (false, "") => file.display().to_string(),
            (false, key) => format!("key {key} in {}", file.display()),
        };
        format!("{place}: {}", error.kind)
    });
    told.collect::<Vec<_>>().join("\n")
}

/// One of our variables whose value is no text: read with losses it would name another file.
fn unreadable_variable() -> Option<String> {
    let ours = |name: &str| {
        let key = name.to_ascii_lowercase();
        key.strip_prefix("matrixai_").is_some_and(|key| KEYS.contains(&key))
    };
    let unreadable = std::env::vars_os().filter(|(_, value)| value.to_str().is_none());
    unreadable.filter_map(|(name, _)| name.into_string().ok()).find(|name| ours(name))
}

/// Whether a TPM is named as [`tpm::transport::AnyTransport::open`] takes it; that it is there is not asked.
fn names_tpm(url: &str) -> bool {
    match url.split_once(':') {
        Some(("device" | "unix", path)) => !path.is_empty(),
        Some(("tcp", address)) => address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()),
        _ => false,
    }
}

const KEYS: &[&str] = &[
    "state_dir",
    "tpm",
    "chain_spec",
    "sample_seconds",
    "window_seconds",
    "anchor_seconds",
    "pcrs",
    "nvml",
    "nvml_recording",
    "metrics",
    "drill",
    "drill_class",
    "drill_places",
    "drill_on",
    "drill_threads",
    "drill_backend",
    "drill_quiet",
    "drill_power_watts",
    "drill_data",
    "snapshot_blocks",
    "challenge_blocks",
    "challenge_memory_percent",
    "job",
];

/// Each job may read a file at the same time.
const JOBS: usize = 16;

/// A challenge's tree takes a thirtieth of what it fills.
const MOST_MEMORY: u8 = 95;

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("agent.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file))
    }

    #[test]
    fn a_file_overrides_defaults() {
        let config = from("anchor_seconds = 10").unwrap();
        assert_eq!((config.anchor_seconds, config.sample_seconds), (10, 1));
    }

    #[test]
    fn a_typing_slip_is_refused() {
        assert!(matches!(from("anchor_second = 10"), Err(ConfigError::Invalid(_))));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for senseless in [
            "state_dir = \"\"",
            "chain_spec = \"\"",
            "nvml = \"\"",
            "drill_data = \"\"",
            "tpm = \"foo:bar\"",
            "tpm = \"device:\"",
            "tpm = \"tcp:host\"",
            "tpm = \"tcp:host:port\"",
            "drill_places = 0",
            "window_seconds = 99999999999",
            "anchor_seconds = 99999999999",
        ] {
            let refused = from(senseless).unwrap_err();
            let key = senseless.split(' ').next().unwrap();
            assert!(matches!(refused, ConfigError::Senseless(_)), "{senseless}");
            assert!(refused.to_string().contains(key), "{refused}");
        }
        for sound in ["tcp:[::1]:2321", "tcp:localhost:2321", "unix:tpm.sock", "device:/dev/tpmrm0"] {
            assert_eq!(from(&format!("tpm = \"{sound}\"")).unwrap().tpm, sound);
        }
    }

    #[test]
    fn metrics_are_off_unless_an_address_is_named() {
        assert_eq!(from("").unwrap().metrics, None);
        assert_eq!(from("metrics = \"[::1]:9709\"").unwrap().metrics, "[::1]:9709".parse().ok());
        assert!(matches!(from("metrics = \"9709\""), Err(ConfigError::Invalid(_))));
    }

    #[test]
    fn a_recording_in_the_file_is_refused() {
        assert!(matches!(from("nvml_recording = \"a.json\""), Err(ConfigError::Senseless(_))));
    }

    #[test]
    fn resettable_pcrs_are_refused() {
        assert!(matches!(from("pcrs = [16]"), Err(ConfigError::Senseless(_))));
    }

    #[test]
    fn a_backend_is_taken_where_the_processor_has_it() {
        let scalar = from("drill_backend = \"scalar\"").unwrap().drill_backend;
        assert_eq!(Backend::from(scalar), Backend::Scalar);
        let elsewhere = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
        let refused = from(&format!("drill_backend = \"{elsewhere}\""));
        assert!(matches!(refused, Err(ConfigError::Senseless(_))));
    }

    #[test]
    fn jobs_are_read_and_bad_ones_refused() {
        let job = |name: &str, path: &str| format!("[[job]]\nname = \"{name}\"\ncheckpoints = \"{path}\"\n");
        let config = from(&(job("a", "/runs/a/*.pt") + &job("b", "/runs/b/"))).unwrap();
        assert_eq!((config.job.len(), config.snapshot_blocks), (2, 100));
        assert!(matches!(from(&(job("a", "/x/") + &job("a", "/y/"))), Err(ConfigError::Senseless(_))));
        for path in ["runs/a", "/runs/../etc/*", "/runs/*/../x", ""] {
            assert!(matches!(from(&job("a", path)), Err(ConfigError::Invalid(_))), "{path}");
        }
        assert!(matches!(from("snapshot_blocks = 0"), Err(ConfigError::Senseless(_))));
    }

    #[test]
    fn challenges_are_drawn_once_a_day_and_never_if_so_wanted() {
        let config = from("").unwrap();
        assert_eq!((config.challenge_blocks, config.challenge_memory_percent), (14_400, 90));
        assert_eq!(from("challenge_blocks = 0").unwrap().challenge_blocks, 0);
        for percent in [0, 96, 255] {
            let refused = from(&format!("challenge_memory_percent = {percent}")).unwrap_err();
            assert!(refused.to_string().contains("challenge_memory_percent"), "{refused}");
        }
    }

    #[test]
    fn pcrs_are_put_in_order() {
        assert_eq!(from("pcrs = [7, 0, 7]").unwrap().pcrs, [0, 7]);
    }

    #[test]
    fn what_is_wrong_is_named_as_the_operator_wrote_it() {
        let told = from("bogus = 1").unwrap_err().to_string();
        assert!(
            told.contains("key bogus in /") && told.contains("agent.toml") && !told.contains("default"),
            "{told}"
        );
        let told = from("window_seconds = \"x\"").unwrap_err().to_string();
        assert!(told.contains("key window_seconds in /"), "{told}");
        let told = from("=").unwrap_err().to_string();
        assert!(told.contains("agent.toml"), "{told}");
    }

    #[test]
    fn what_is_no_file_is_called_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        for path in [Path::new("/dev/zero"), dir.path()] {
            let refused = Config::load(Some(path)).unwrap_err().to_string();
            assert!(
                refused.contains("not a regular file") && refused.contains(path.to_str().unwrap()),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_named_file_must_exist() {
        assert!(matches!(Config::load(Some(Path::new("/nonexistent.toml"))), Err(ConfigError::Missing(_))));
    }
}
