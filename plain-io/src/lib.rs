//! Files that somebody else names, and streams that somebody else reads.
//!
//! A program that runs as root, or for a buyer, is handed paths by people who may mean it harm: a pipe that nobody writes to, a device
//! without an end, a sparse file of terabytes. [`read`] takes regular files of a stated size and says of everything else what it is.
//! Whoever called the program may have closed its streams: [`print()`] and [`tell!`] never panic over that.
//!
//! It knows nothing of what the files hold, and nothing of TPMs, logs or chains.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("evidence.json");
//! std::fs::write(&file, "{}")?;
//! assert_eq!(plain_io::read_to_string(&file, 1 << 20)?, "{}");
//! assert_eq!(plain_io::read(&file, 1).unwrap_err().to_string(), "it is larger than the 1 byte allowed here");
//! assert_eq!(plain_io::read("/dev/zero".as_ref(), 9).unwrap_err().to_string(), "it is not a regular file");
//! # Ok::<(), std::io::Error>(())
//! ```

mod file;
mod stream;

pub use file::{open, read, read_to_string};
pub use stream::{print, tell};
