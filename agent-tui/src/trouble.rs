//! What keeps the hub from taking what is said, in words.

use shared::model::Storage;

use crate::model::Model;

impl Model {
    /// Why the hub does not take everything for now: what it said to a command of ours, or to all.
    /// That a disk gets full is for its operator.
    pub fn trouble(&self) -> Option<String> {
        let refused = self
            .degraded
            .as_ref()
            .map(|why| format!("the hub takes nothing now; yours is kept and tried again - {why}"));
        refused.or_else(|| match self.storage {
            Storage::Low => None,
            storage => storage.sentence().map(str::to_owned),
        })
    }
}
