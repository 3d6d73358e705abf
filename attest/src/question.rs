//! An inspector's question for a machine's GPUs, as it stands in the header of its block (docs/gpu-challenges.md, Questions): the chain writes it,
//! and agents and inspectors read it there, with no more than headers.
//!
//! ```
//! use attest::question::{asked, item};
//!
//! let machine = [7; 32];
//! // In a header's digest, as an item of the kind "other".
//! assert_eq!(asked(&item(&machine)), Some(machine));
//! assert_eq!(asked(b"what others write there"), None);
//! ```

use crate::hash::Hash;

/// What tells the item from those of others.
const NAME: [u8; 15] = *b"matrixai:ask:v1";

/// The item for a machine: its name, then the machine's identifier; 47 bytes.
pub fn item(machine: &Hash) -> [u8; 47] {
    let mut bytes = [0; 47];
    let (name, id) = bytes.split_at_mut(NAME.len());
    name.copy_from_slice(&NAME);
    id.copy_from_slice(machine);
    bytes
}

/// The machine that an item asks; none where it is somebody else's.
pub fn asked(item: &[u8]) -> Option<Hash> {
    item.strip_prefix(&NAME)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_items_of_this_name_ask() {
        let whole = item(&[3; 32]);
        assert_eq!(&whole[..15], b"matrixai:ask:v1");
        assert_eq!(asked(&whole), Some([3; 32]));
        assert_eq!(asked(&whole[..46]), None);
        assert_eq!(asked(&[&whole[..], &[0]].concat()), None);
        assert_eq!(asked(&[b"matrixai:ask:v2", &[3; 32][..]].concat()), None);
        assert_eq!(asked(&[]), None);
    }
}
