//! A segment's bytes, and how they are read after a crash.
//!
//! ```text
//! header:  "MXAILOG" 0x01 ‖ first seq (u64 LE)
//! frame:   length (u32 LE) ‖ CRC-32C (u32 LE) ‖ record
//! ```
//!
//! The length's top bit marks the last frame of a batch. The checksum covers the length field and the record, so that a run of
//! zeros is no frame. A batch is synced before the next one is written; hence damage that a *later* batch follows cannot be an
//! interrupted write, and damage that nothing follows is taken for one.

use attest::MAX_RECORD;

/// Bytes before the first frame.
pub const HEADER: usize = 16;
/// Bytes before a frame's record.
pub const FRAME: usize = 8;
const MAGIC: &[u8; 8] = b"MXAILOG\x01";
const LAST_OF_BATCH: u32 = 1 << 31;

/// A new segment's first bytes.
pub fn header(first: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (magic, seq) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    seq.copy_from_slice(&first.to_le_bytes());
    header
}

/// Adds a frame to a batch.
pub fn write_frame(batch: &mut Vec<u8>, record: &[u8], last_of_batch: bool) {
    let length = record.len() as u32 | if last_of_batch { LAST_OF_BATCH } else { 0 };
    batch.extend_from_slice(&length.to_le_bytes());
    batch.extend_from_slice(&checksum(length, record).to_le_bytes());
    batch.extend_from_slice(record);
}

fn checksum(length: u32, record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), record)
}

/// A frame that its checksum vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The record's bytes.
    pub record: &'a [u8],
    /// Whether its batch ends with it.
    pub last_of_batch: bool,
}

impl Frame<'_> {
    /// Its length on disk.
    pub const fn len(&self) -> usize {
        FRAME + self.record.len()
    }
}

/// The frame that these bytes begin with.
pub fn read_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let length = u32::from_le_bytes(*length);
    let bytes = (length & !LAST_OF_BATCH) as usize;
    if bytes == 0 || bytes > MAX_RECORD {
        return None;
    }
    let record = rest.get(..bytes)?;
    let intact = checksum(length, record) == u32::from_le_bytes(*sum);
    intact.then_some(Frame { record, last_of_batch: length & LAST_OF_BATCH != 0 })
}

/// The number that a record begins with: a varint.
pub fn seq_of(record: &[u8]) -> Option<u64> {
    let mut seq = 0u64;
    for (index, byte) in record.iter().take(10).enumerate() {
        seq |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            return Some(seq);
        }
    }
    None
}

/// Where a segment stops making sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It does not: the last batch ends where the file ends.
    Whole,
    /// An interrupted write: what follows the last whole batch was never acknowledged.
    Torn,
    /// Damage at this offset, in what had been acknowledged.
    Damaged(u64),
}

/// Hands over the records of every whole batch, with their offsets, and returns where the last batch ends.
pub fn scan<'a>(bytes: &'a [u8], first: u64, mut record: impl FnMut(u64, &'a [u8])) -> (u64, End) {
    if !bytes.starts_with(&header(first)) {
        return (0, End::Damaged(0));
    }
    let (mut at, mut seq, mut whole) = (HEADER, first, HEADER);
    let mut batch = Vec::new();
    while let Some(frame) = bytes.get(at..).and_then(read_frame) {
        if seq_of(frame.record) != Some(seq) {
            break;
        }
        batch.push((at as u64, frame.record));
        at += frame.len();
        seq += 1;
        if frame.last_of_batch {
            whole = at;
            batch.drain(..).for_each(|(offset, bytes)| record(offset, bytes));
        }
    }
    let end = match bytes.get(at..) {
        _ if whole == bytes.len() => End::Whole,
        Some(rest) if batch_follows(rest, seq) => End::Damaged(at as u64),
        _ => End::Torn,
    };
    (whole as u64, end)
}

/// Whether some batch ends in these bytes and another begins after it.
fn batch_follows(bytes: &[u8], after: u64) -> bool {
    let follows = |at: usize| {
        let rest = bytes.get(at..)?;
        let frame = read_frame(rest).filter(|frame| frame.last_of_batch && rest.len() > frame.len())?;
        seq_of(frame.record).filter(|seq| *seq >= after)
    };
    (0..bytes.len()).any(|at| follows(at).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(batches: &[&[u8]]) -> Vec<u8> {
        let mut bytes = header(0).to_vec();
        for batch in batches {
            for (index, seq) in batch.iter().enumerate() {
                write_frame(&mut bytes, &[*seq, 0xaa, 0xbb], index + 1 == batch.len());
            }
        }
        bytes
    }

    fn seqs(bytes: &[u8]) -> (Vec<u8>, End) {
        let mut seqs = Vec::new();
        let (_, end) = scan(bytes, 0, |_, record| seqs.push(record[0]));
        (seqs, end)
    }

    #[test]
    fn a_whole_segment_is_read_to_its_end() {
        assert_eq!(seqs(&segment(&[&[0, 1], &[2]])), (vec![0, 1, 2], End::Whole));
        assert_eq!(seqs(&segment(&[])), (vec![], End::Whole));
    }

    #[test]
    fn a_batch_is_there_whole_or_not_at_all() {
        let bytes = segment(&[&[0], &[1, 2]]);
        let first = segment(&[&[0]]).len();
        for cut in first + 1..bytes.len() {
            assert_eq!(seqs(&bytes[..cut]), (vec![0], End::Torn));
        }
    }

    #[test]
    fn damage_before_a_later_batch_is_no_torn_write() {
        let whole = segment(&[&[0], &[1, 2], &[3]]);
        let (from, to) = (segment(&[&[0]]).len(), segment(&[&[0], &[1, 2]]).len());
        for at in from..to {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let (seqs, end) = seqs(&bytes);
            assert_eq!(seqs, [0]);
            // The very last frame's own mark is all that shows where the damaged batch ended.
            assert!(matches!(end, End::Damaged(_) | End::Torn));
        }
    }

    #[test]
    fn zeros_and_rubbish_after_the_end_are_torn() {
        for tail in [vec![0; 4096], vec![0xff; 7], vec![1, 0, 0, 0]] {
            let mut bytes = segment(&[&[0], &[1]]);
            bytes.extend(tail);
            assert_eq!(seqs(&bytes), (vec![0, 1], End::Torn));
        }
    }

    #[test]
    fn a_header_is_never_torn() {
        for at in 0..HEADER {
            let mut bytes = segment(&[&[0]]);
            bytes[at] ^= 1;
            assert_eq!(seqs(&bytes).1, End::Damaged(0));
        }
        assert_eq!(seqs(&[]).1, End::Damaged(0));
    }
}
