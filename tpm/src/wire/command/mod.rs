//! The commands in use, encoded (Part 3; sections are named at each).

mod attest;
mod device;
mod key;
mod nv;
mod pcr;
mod session;

pub use session::SessionKind;

use crate::TpmError;
use alloc::{vec, vec::Vec};
use tpm2_protocol::{
    TpmWriter,
    basic::{TpmBuffer, TpmHandle},
    constant::TPM_MAX_COMMAND_SIZE,
    data::{TpmSt, TpmaSession, TpmsAuthCommand},
    frame::{TpmFrame, tpm_marshal_command},
};

/// `TPM_RS_PW` (Part 2, §7.4).
const PASSWORD: u32 = 0x4000_0009;

/// An encoded command.
pub struct Command {
    /// Its code.
    pub code: u32,
    /// Header, handles, authorizations, parameters.
    pub bytes: Vec<u8>,
    /// The policy session that ends when the command succeeds.
    pub session: Option<u32>,
    /// Whether the reply begins with the handle of an object or session.
    pub makes_handle: bool,
}

/// A command, unless a value does not fit.
type Encoded = Result<Command, TpmError>;

fn plain(command: &impl TpmFrame) -> Encoded {
    encode(command, TpmSt::NoSessions, &[])
}

fn with(command: &impl TpmFrame, authorizations: &[TpmsAuthCommand]) -> Encoded {
    encode(command, TpmSt::Sessions, authorizations)
}

/// Authorized by a policy session, or by an empty password.
fn authorized(command: &impl TpmFrame, session: Option<u32>) -> Encoded {
    match session {
        Some(session) => with(command, &[policy(session)]).map(|command| ends(command, session)),
        None => with(command, &[password()]),
    }
}

fn encode(command: &impl TpmFrame, tag: TpmSt, authorizations: &[TpmsAuthCommand]) -> Encoded {
    let mut bytes = vec![0; TPM_MAX_COMMAND_SIZE];
    let mut writer = TpmWriter::new(&mut bytes);
    tpm_marshal_command(command, tag, authorizations, &mut writer)
        .map_err(|_| TpmError::BadArgument("a value"))?;
    let length = writer.len();
    bytes.truncate(length);
    Ok(Command { code: command.cc().value(), bytes, session: None, makes_handle: false })
}

fn makes_handle(command: Command) -> Command {
    Command { makes_handle: true, ..command }
}

fn ends(command: Command, session: u32) -> Command {
    Command { session: Some(session), ..command }
}

/// An empty password (Part 1, §19.4).
fn password() -> TpmsAuthCommand {
    TpmsAuthCommand { session_handle: TpmHandle::from(PASSWORD), ..TpmsAuthCommand::default() }
}

/// A policy session without HMAC; not continued, so that it ends with the command.
fn policy(session: u32) -> TpmsAuthCommand {
    let session_attributes = TpmaSession::empty();
    TpmsAuthCommand { session_handle: session.into(), session_attributes, ..TpmsAuthCommand::default() }
}

fn buffer<const N: usize>(bytes: &[u8], what: &'static str) -> Result<TpmBuffer<N>, TpmError> {
    TpmBuffer::try_from(bytes).map_err(|_| TpmError::BadArgument(what))
}
