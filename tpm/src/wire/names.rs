//! Names of codes, for people.

use alloc::{format, string::String};
use tpm2_protocol::data::{TpmCc, TpmRc};

/// A command's name.
pub fn command(code: u32) -> String {
    TpmCc::try_from(code).map_or_else(|_| format!("command 0x{code:03X}"), |name| format!("{name}"))
}

/// A response's name, and the number that manuals list.
pub fn response(code: u32) -> String {
    TpmRc::try_from(code)
        .map_or_else(|_| format!("code 0x{code:03X}"), |name| format!("{name} (0x{code:03X})"))
}
