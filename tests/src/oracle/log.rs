//! Everything that a hub remembers, read from its store when the hub is down.

use server::{
    desk::Desk,
    hub::{SNAPSHOT_VERSION, written_desk},
    store::{Part, Store, StoreError, StoreUrl, StoredRecord},
};
use shared::{id::Pos, record::Record};

/// Records that are read at once.
const CHUNK_RECORDS: usize = 4_096;

/// Everything that a hub remembers.
#[derive(Clone, Debug)]
pub struct Log {
    /// The rows of the log.
    pub stored: Vec<StoredRecord>,
    /// The same, read.
    pub records: Vec<Record>,
    /// The desk that the records make.
    pub desk: Desk,
    /// The desk as the hub wrote it down last, and after which record.
    pub written: Option<(Pos, Desk)>,
    /// Which life of which store, as cursors show it.
    pub lineage: String,
}

impl Log {
    /// Reads the store of a hub that is down.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn read(url: &StoreUrl) -> Self {
        Self::try_read(url).await.expect("the log reads")
    }

    /// The same where the store may be one that no hub reads either.
    ///
    /// # Errors
    /// What the store says.
    pub async fn try_read(url: &StoreUrl) -> Result<Self, StoreError> {
        let store = Store::open(url)?;
        let mut stored = Vec::new();
        let mut after = Pos(0);
        loop {
            let chunk = store.read(Part::MAIN, after, CHUNK_RECORDS).await?;
            let Some(last) = chunk.last() else {
                break;
            };
            after = last.pos;
            stored.extend(chunk);
        }
        let written = store.snapshot_get(Part::MAIN, SNAPSHOT_VERSION).await?;
        let written = written.map(|(pos, _, bytes)| {
            let desk = written_desk(&bytes).expect("the written desk reads");
            (pos, desk)
        });
        let lineage = store.lineage().to_string();
        Self::of(stored, written, lineage)
    }

    /// A log of these rows.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn of(
        stored: Vec<StoredRecord>,
        written: Option<(Pos, Desk)>,
        lineage: String,
    ) -> Result<Self, StoreError> {
        let records = stored.iter().map(StoredRecord::record);
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let mut desk = Desk::default();
        for record in &records {
            desk.apply(record);
        }
        Ok(Self {
            stored,
            records,
            desk,
            written,
            lineage,
        })
    }

    /// The record at `pos`.
    #[must_use]
    pub fn record(&self, pos: Pos) -> Option<&Record> {
        let index = usize::try_from(pos.0.checked_sub(1)?).ok()?;
        self.records.get(index)
    }
}
