//! The size that every frame states of itself (Part 1, §18.3): tag u16, size u32, code u32.

use std::io::{Error, ErrorKind, Read, Result};

/// No TPM has longer replies (Part 2, `MAX_RESPONSE_SIZE`).
pub(super) const LONGEST: usize = 4096;
const HEADER: usize = 10;

/// Reads one frame from a stream.
pub(super) fn read_frame(stream: &mut impl Read) -> Result<Vec<u8>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    let [_, _, size @ .., _, _, _, _] = header;
    let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
    let body = size.checked_sub(HEADER).filter(|_| size <= LONGEST);
    let body = body.ok_or_else(|| Error::new(ErrorKind::InvalidData, "what answers there is no TPM"))?;
    let mut frame = Vec::from(header);
    frame.resize(HEADER + body, 0);
    if let Some(body) = frame.get_mut(HEADER..) {
        stream.read_exact(body)?;
    }
    Ok(frame)
}
