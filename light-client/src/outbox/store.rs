//! The outbox on disk. Every change is one transaction, on disk before it returns.

use super::{Enqueued, Entry, Intent, State};
use crate::Error;
use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};
use std::{panic::catch_unwind, path::Path};

const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");
/// Kind and key of an intent, to its number and whether it is done.
const KEYS: TableDefinition<&[u8], (u64, bool)> = TableDefinition::new("keys");
/// Keys of what is done, in the order of arrival, so that the oldest can be dropped.
const DONE: TableDefinition<u64, &[u8]> = TableDefinition::new("done");
const NEXT: TableDefinition<(), u64> = TableDefinition::new("next");

/// How many intents are remembered as done.
const REMEMBERED: u64 = 4096;

/// The durable queue. One process at a time can hold it open.
pub struct Outbox(Database);

impl Outbox {
    /// Opens the file, created if missing and recovered if its last user was cut off.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // Its pages are believed from here on, and one that is damaged may end in a panic of the database.
        let opened = catch_unwind(|| {
            let mut database = Database::create(path)?;
            database.check_integrity()?;
            Ok::<_, redb::DatabaseError>(database)
        });
        let damaged = |why: String| Error::OutboxDamaged { path: path.into(), why };
        let outbox = match opened {
            Ok(Ok(database)) => Self(database),
            Ok(Err(redb::DatabaseError::DatabaseAlreadyOpen)) => {
                return Err(Error::outbox(redb::DatabaseError::DatabaseAlreadyOpen));
            }
            Ok(Err(error)) => return Err(damaged(error.to_string())),
            Err(_) => return Err(damaged("its pages contradict each other".into())),
        };
        outbox.write(|transaction| {
            transaction.open_table(ENTRIES).map_err(Error::outbox)?;
            transaction.open_table(KEYS).map_err(Error::outbox)?;
            transaction.open_table(DONE).map_err(Error::outbox)?;
            transaction.open_table(NEXT).map_err(Error::outbox)?;
            Ok(())
        })?;
        Ok(outbox)
    }

    /// Takes on an intent. Once this returns, no crash loses it.
    pub fn enqueue(&self, intent: Intent) -> Result<Enqueued, Error> {
        self.write(|transaction| {
            let name = name(&intent)?;
            let mut keys = transaction.open_table(KEYS).map_err(Error::outbox)?;
            let known = keys.get(name.as_slice()).map_err(Error::outbox)?.map(|known| known.value());
            match known {
                Some((_, true)) => return Ok(Enqueued::AlreadyDone),
                Some((number, false)) => return Ok(Enqueued::AlreadyOpen(number)),
                None => {}
            }
            let number = next_number(transaction)?;
            keys.insert(name.as_slice(), (number, false)).map_err(Error::outbox)?;
            put(transaction, &Entry { number, intent, state: State::Queued, reserved: None, attempts: 0 })?;
            Ok(Enqueued::New(number))
        })
    }

    /// All open entries, in the order of arrival.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let transaction = self.0.begin_read().map_err(Error::outbox)?;
        let table = transaction.open_table(ENTRIES).map_err(Error::outbox)?;
        table
            .iter()
            .map_err(Error::outbox)?
            .map(|row| Ok(postcard::from_bytes(row.map_err(Error::outbox)?.1.value())?))
            .collect()
    }

    /// Puts an expired entry back into the queue, with a new body if what it needs has changed.
    pub fn remake(&self, number: u64, body: Option<Vec<u8>>) -> Result<(), Error> {
        self.write(|transaction| {
            let mut entry = get(transaction, number)?;
            if !matches!(entry.state, State::Expired(_)) {
                return Err(Error::UnknownEntry(number));
            }
            entry.state = State::Queued;
            if let Some(body) = body {
                entry.intent.body = body;
            }
            put(transaction, &entry)
        })
    }

    /// Gives up on an entry. The same intent may be handed in again.
    pub fn forget(&self, number: u64) -> Result<(), Error> {
        self.write(|transaction| {
            let entry = get(transaction, number)?;
            let name = name(&entry.intent)?;
            transaction
                .open_table(KEYS)
                .map_err(Error::outbox)?
                .remove(name.as_slice())
                .map_err(Error::outbox)?;
            remove(transaction, number)
        })
    }

    /// Writes an entry's new state.
    pub(super) fn update(&self, entry: &Entry) -> Result<(), Error> {
        self.write(|transaction| put(transaction, entry))
    }

    /// Lets go of an entry and remembers its intent as done.
    pub(super) fn finish(&self, entry: &Entry) -> Result<(), Error> {
        self.write(|transaction| {
            let name = name(&entry.intent)?;
            let mut keys = transaction.open_table(KEYS).map_err(Error::outbox)?;
            keys.insert(name.as_slice(), (entry.number, true)).map_err(Error::outbox)?;
            let mut done = transaction.open_table(DONE).map_err(Error::outbox)?;
            done.insert(entry.number, name.as_slice()).map_err(Error::outbox)?;
            while done.len().map_err(Error::outbox)? > REMEMBERED {
                let Some((_, oldest)) = done.pop_first().map_err(Error::outbox)? else { break };
                keys.remove(oldest.value()).map_err(Error::outbox)?;
            }
            remove(transaction, entry.number)
        })
    }

    fn write<T>(&self, change: impl FnOnce(&WriteTransaction) -> Result<T, Error>) -> Result<T, Error> {
        let transaction = self.0.begin_write().map_err(Error::outbox)?;
        let result = change(&transaction)?;
        transaction.commit().map_err(Error::outbox)?;
        Ok(result)
    }
}

fn name(intent: &Intent) -> Result<Vec<u8>, Error> {
    Ok(postcard::to_stdvec(&(&intent.kind, &intent.key))?)
}

fn next_number(transaction: &WriteTransaction) -> Result<u64, Error> {
    let mut table = transaction.open_table(NEXT).map_err(Error::outbox)?;
    let number = table.get(()).map_err(Error::outbox)?.map_or(0, |next| next.value());
    table.insert((), number.saturating_add(1)).map_err(Error::outbox)?;
    Ok(number)
}

fn get(transaction: &WriteTransaction, number: u64) -> Result<Entry, Error> {
    let table = transaction.open_table(ENTRIES).map_err(Error::outbox)?;
    let row = table.get(number).map_err(Error::outbox)?.ok_or(Error::UnknownEntry(number))?;
    Ok(postcard::from_bytes(row.value())?)
}

fn put(transaction: &WriteTransaction, entry: &Entry) -> Result<(), Error> {
    let mut table = transaction.open_table(ENTRIES).map_err(Error::outbox)?;
    table.insert(entry.number, postcard::to_stdvec(entry)?.as_slice()).map_err(Error::outbox)?;
    Ok(())
}

fn remove(transaction: &WriteTransaction, number: u64) -> Result<(), Error> {
    let mut table = transaction.open_table(ENTRIES).map_err(Error::outbox)?;
    table.remove(number).map_err(Error::outbox)?;
    Ok(())
}
