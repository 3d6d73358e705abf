//! Finalised blocks, as a node tells them: who produced each, in which epoch, with which weights.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::call;

/// SCALE's index of a digest's item from the producer to the runtime, and from the runtime to clients.
const PRE_RUNTIME: u8 = 6;
const CONSENSUS: u8 = 4;
const BABE: &[u8] = b"BABE";
/// Index of a primary slot's claim, and of the announcement of the next epoch.
const PRIMARY: u8 = 1;
const NEXT_EPOCH: u8 = 1;

/// Bytes of an owner's compute power: a count of machines (u32), then five amounts (u128), the last of which is the effective one.
const OWNER_ECP: usize = 4 + 5 * 16;

/// A key and its weight.
type Weighted = ([u8; 32], u64);

/// One of the next epoch's producers.
#[derive(Clone)]
pub struct Producer {
    key: [u8; 32],
    /// As the header announces it.
    weight: u64,
    /// As `pallet-ecp` told it when the weight was made of it, in micro-ut per day.
    power: u128,
}

/// One finalised block.
pub struct Block {
    pub hash: String,
    pub slot: u64,
    /// Place of the producer in its epoch's set.
    pub producer: usize,
    /// What the block announces for the next epoch, if it is its epoch's first.
    pub announced: Option<Vec<Producer>>,
}

impl Block {
    /// Reads a block that is final.
    pub fn read(rpc: u16, number: u64) -> Result<Self> {
        let hash = call(rpc, "chain_getBlockHash", json!([number]))?;
        let header = call(rpc, "chain_getHeader", json!([hash]))?;
        let logs =
            header.pointer("/digest/logs").and_then(Value::as_array).context("a header without logs")?;
        let (mut claim, mut announced) = (None, None);
        for log in logs {
            let bytes = decode_hex(log.as_str().context("a log is text")?)?;
            let mut input = Input(&bytes);
            let kind = input.byte()?;
            if !matches!(kind, PRE_RUNTIME | CONSENSUS) || input.take(4)? != BABE {
                continue;
            }
            input.compact()?;
            match (kind, input.byte()?) {
                (PRE_RUNTIME, PRIMARY) => claim = Some((input.number(4)?, input.number(8)?)),
                (CONSENSUS, NEXT_EPOCH) => announced = Some(input.weights()?),
                _ => (),
            }
        }
        let (producer, slot) = claim.with_context(|| format!("block {number} is of no primary slot"))?;
        let hash = hash.as_str().context("a hash is text")?.into();
        let announced =
            announced.map(|weights| with_powers(rpc, &header["parentHash"], weights)).transpose()?;
        Ok(Self { hash, slot, producer: usize::try_from(producer)?, announced })
    }
}

/// Weights are made before anything else in a block: of what the state was after its parent. Keys are accounts here.
fn with_powers(rpc: u16, parent: &Value, weights: Vec<Weighted>) -> Result<Vec<Producer>> {
    let ask = |(key, weight): Weighted| {
        let owner: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let told = call(rpc, "state_call", json!(["EcpApi_owner_ecp", format!("0x{owner}"), parent]))?;
        let power = effective(&decode_hex(told.as_str().context("an answer is text")?)?)?;
        Ok(Producer { key, weight, power })
    };
    weights.into_iter().map(ask).collect()
}

/// The effective power in what the runtime's `owner_ecp` answers.
fn effective(answer: &[u8]) -> Result<u128> {
    match answer.last_chunk() {
        Some(last) if answer.len() == OWNER_ECP => Ok(u128::from_le_bytes(*last)),
        _ => bail!("an owner's compute power has {} bytes, not {OWNER_ECP}", answer.len()),
    }
}

/// Blocks of one epoch, by producer.
pub struct Epoch {
    pub index: u64,
    pub weights: Vec<u64>,
    /// What the weights were made of.
    pub powers: Vec<u128>,
    pub counted: Vec<u64>,
}

/// Sorts blocks into epochs, each with the weights that the epoch before announced.
pub fn epochs(blocks: &[Block], epoch_slots: u64) -> Result<Vec<Epoch>> {
    let first = blocks.first().context("no blocks")?;
    let genesis = first.slot;
    // The first block repeats the weights of genesis, which count in its own epoch.
    let keys: Vec<[u8; 32]> = set(first)?.iter().map(|producer| producer.key).collect();
    let mut next = set(first)?;
    let mut epochs: Vec<Epoch> = Vec::new();
    for block in blocks {
        let index = (block.slot - genesis) / epoch_slots;
        if epochs.last().is_none_or(|epoch| epoch.index != index) {
            if !next.iter().map(|producer| producer.key).eq(keys.iter().copied()) {
                bail!("the set itself changed in epoch {index}, which this count does not follow");
            }
            let weights = next.iter().map(|producer| producer.weight).collect();
            let powers = next.iter().map(|producer| producer.power).collect();
            epochs.push(Epoch { index, weights, powers, counted: vec![0; keys.len()] });
            next = set(block)?;
        }
        let counted = epochs.last_mut().and_then(|epoch| epoch.counted.get_mut(block.producer));
        *counted.with_context(|| format!("producer {} is not in the set", block.producer))? += 1;
    }
    Ok(epochs)
}

fn set(block: &Block) -> Result<Vec<Producer>> {
    block.announced.clone().context("the first block of an epoch announces nothing")
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count).context("a log is cut short")?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8> {
        self.take(1)?.first().copied().context("a log is cut short")
    }

    fn number(&mut self, bytes: usize) -> Result<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// SCALE's lengths, up to 2^30.
    fn compact(&mut self) -> Result<u64> {
        let first = u64::from(self.byte()?);
        let more = match first & 3 {
            0 => 0,
            1 => 1,
            2 => 3,
            _ => bail!("a length beyond 2^30"),
        };
        Ok((first | self.number(more)? << 8) >> 2)
    }

    fn weights(&mut self) -> Result<Vec<Weighted>> {
        let count = self.compact()?;
        (0..count).map(|_| Ok((self.take(32)?.try_into()?, self.number(8)?))).collect()
    }
}

fn decode_hex(text: &str) -> Result<Vec<u8>> {
    let digits = text.trim_start_matches("0x").as_bytes();
    digits.chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(slot: u64, producer: usize, weights: Option<[u64; 2]>) -> Block {
        let made = |key, weight| Producer { key: [key; 32], weight, power: 100 * u128::from(weight) };
        let announced = weights.map(|[one, other]| vec![made(1, one), made(2, other)]);
        Block { hash: String::new(), slot, producer, announced }
    }

    #[test]
    fn weights_count_in_the_epoch_after_their_announcement() {
        let blocks = [
            block(100, 0, Some([1, 1])),
            block(105, 1, None),
            block(121, 0, Some([7, 1])),
            // An epoch without a block: the announcement waits.
            block(160, 1, Some([9, 1])),
        ];
        let epochs = epochs(&blocks, 20).unwrap();
        let seen: Vec<_> =
            epochs.iter().map(|epoch| (epoch.index, epoch.weights.clone(), epoch.counted.clone())).collect();
        assert_eq!(
            seen,
            [(0, vec![1, 1], vec![1, 1]), (1, vec![1, 1], vec![1, 0]), (3, vec![7, 1], vec![0, 1])]
        );
        assert_eq!(epochs[2].powers, [700, 100], "powers go with their weights");
    }

    #[test]
    fn lengths_and_numbers_are_scales() {
        for (bytes, value) in [(vec![0x04], 1), (vec![0x01, 0x01], 64), (vec![0x02, 0, 1, 0], 1 << 14)] {
            assert_eq!(Input(&bytes).compact().unwrap(), value);
        }
        assert_eq!(Input(&[1, 2, 0, 0]).number(4).unwrap(), 513);
        assert!(Input(&[1]).number(4).is_err());
    }

    #[test]
    fn effective_power_is_the_last_amount() {
        let mut answer = vec![9; OWNER_ECP];
        answer[OWNER_ECP - 16..].copy_from_slice(&16_000_000_000u128.to_le_bytes());
        assert_eq!(effective(&answer).unwrap(), 16_000_000_000);
        assert!(effective(&answer[1..]).is_err(), "another runtime's answer is not guessed at");
    }
}
