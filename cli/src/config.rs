//! Settings: a TOML file, overridden by `MATRIXAI_…` variables, overridden by options.

use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Env, Format, Serialized, Toml},
    value::{Dict, Map},
};
use serde::{Deserialize, Serialize};
use std::{
    env, io,
    path::{Path, PathBuf},
};

const KEYS: [&str; 5] = ["chain", "state", "dev_account", "key", "password_file"];

/// No settings file is longer, comments included.
const LONGEST: u64 = 64 * 1024;

/// Everything that can be set. Unknown keys are refused, so that a typing slip is seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The chain's raw specification.
    pub chain: Option<PathBuf>,
    /// Folder of the light client's database.
    pub state: Option<PathBuf>,
    /// A well-known account of development chains.
    pub dev_account: Option<String>,
    /// The owner's key file.
    pub key: Option<PathBuf>,
    /// File with the key file's password.
    pub password_file: Option<PathBuf>,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable that does not parse.
    #[error("settings: {0}")]
    Invalid(#[from] Box<figment::Error>),
    /// A file named with `--config` is not there.
    #[error("settings file {path} does not exist", path = .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("settings file {path}: {1}", path = .0.display())]
    Unreadable(PathBuf, io::Error),
}

/// A settings file that has been read; what is wrong with it is told with its name.
struct Written {
    path: PathBuf,
    text: String,
}

impl Written {
    /// The default file may be absent, a named one may not.
    fn read(named: Option<&Path>) -> Result<Option<Self>, ConfigError> {
        let path = named.map_or_else(default_file, Path::to_owned);
        match plain_io::read_to_string(&path, LONGEST) {
            Ok(text) => Ok(Some(Self { path, text })),
            Err(_) if named.is_none() && !path.exists() => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ConfigError::Missing(path)),
            Err(error) => Err(ConfigError::Unreadable(path, error)),
        }
    }
}

impl Provider for Written {
    fn metadata(&self) -> Metadata {
        Metadata::from("TOML file", self.path.as_path())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Toml::string(&self.text).data()
    }
}

impl Config {
    /// Reads the file, then the environment, then takes over what options say.
    pub fn load(file: Option<&Path>, options: Self) -> Result<Self, ConfigError> {
        let mut read = Figment::from(Serialized::defaults(Self::default()));
        if let Some(written) = Written::read(file)? {
            read = read.merge(written);
        }
        let read: Self = read.merge(Env::prefixed("MATRIXAI_").only(&KEYS)).extract().map_err(Box::new)?;
        Ok(read.overridden(options))
    }

    fn overridden(self, options: Self) -> Self {
        // An account named by an option replaces one that is set either way.
        let named = options.dev_account.is_some() || options.key.is_some();
        let (dev_account, key) =
            if named { (options.dev_account, options.key) } else { (self.dev_account, self.key) };
        Self {
            chain: options.chain.or(self.chain),
            state: options.state.or(self.state),
            password_file: options.password_file.or(self.password_file),
            dev_account,
            key,
        }
    }

    /// Where the light client's database lies: one folder for each specification, unless it is set.
    pub fn state_dir(&self, specification: &Path) -> PathBuf {
        let chain = specification.file_stem().unwrap_or_default();
        self.state
            .clone()
            .unwrap_or_else(|| home("XDG_STATE_HOME", ".local/state").join("matrixai/cli").join(chain))
    }
}

fn default_file() -> PathBuf {
    home("XDG_CONFIG_HOME", ".config").join("matrixai/cli.toml")
}

/// A folder by the XDG Base Directory Specification.
fn home(variable: &str, below_home: &str) -> PathBuf {
    let set = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    set.unwrap_or_else(|| env::var_os("HOME").map(PathBuf::from).unwrap_or_default().join(below_home))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str, options: Config) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cli.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), options)
    }

    #[test]
    fn options_override_the_file() {
        let options = Config { chain: Some("b.json".into()), ..Config::default() };
        let config = from("chain = \"a.json\"\ndev_account = \"Alice\"", options).unwrap();
        assert_eq!((config.chain, config.dev_account), (Some("b.json".into()), Some("Alice".into())));
    }

    #[test]
    fn an_account_of_an_option_replaces_the_other_kind() {
        let options = Config { key: Some("owner.json".into()), ..Config::default() };
        let config = from("dev_account = \"Alice\"", options).unwrap();
        assert_eq!((config.dev_account, config.key), (None, Some("owner.json".into())));
    }

    #[test]
    fn slips_are_refused() {
        let slip = from("chian = \"a.json\"", Config::default()).unwrap_err();
        let said = slip.to_string();
        assert!(matches!(slip, ConfigError::Invalid(_)) && said.contains("/cli.toml"), "{said}");
        let missing = Config::load(Some(Path::new("/nonexistent.toml")), Config::default());
        assert!(matches!(missing, Err(ConfigError::Missing(_))));
        let endless = Config::load(Some(Path::new("/dev/zero")), Config::default()).unwrap_err();
        assert_eq!(endless.to_string(), "settings file /dev/zero: it is not a regular file");
    }

    #[test]
    fn each_chain_has_its_state() {
        let config = Config::default();
        assert_ne!(config.state_dir("a.json".as_ref()), config.state_dir("b.json".as_ref()));
        let set = Config { state: Some("here".into()), ..config };
        assert_eq!(set.state_dir("a.json".as_ref()), Path::new("here"));
    }
}
