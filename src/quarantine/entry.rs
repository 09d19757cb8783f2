//! One record in quarantine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json::{Record, debug_fields};
use crate::listing::Fingerprint;
use crate::sync::InspectedPage;

/// One record in quarantine.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its id in the quarantine: a hash of the checkpoint key and the raw JSON, so a record that comes again is kept once.
    pub id: String,
    /// The checkpoint key of its sync.
    pub sync_key: String,
    /// The endpoint that it came from.
    pub endpoint: String,
    /// The record's own key, where the endpoint names one and the record has it.
    pub record_key: Option<String>,
    /// Why it was kept: why it does not fit the record type, or why its page was refused. Without values of the record.
    pub reason: String,
    /// When it was added. A version of the record that was delivered after that is newer.
    pub added: Timestamp,
    /// Its JSON text, byte for byte.
    pub raw: String,
}

impl Entry {
    pub(super) fn new(page: &InspectedPage<'_>, raw: &str, reason: &str) -> Self {
        let source = page.source();
        let record_key = source.and_then(|source| source.key()).and_then(|key| {
            let text = Record::new(raw.as_bytes()).raw(key)?;
            // A text without the character 0, which PostgreSQL does not store.
            let key = serde_json::from_str(text).ok().filter(|key: &String| !key.contains('\0'));
            Some(key.unwrap_or_else(|| text.to_owned()))
        });
        Self {
            id: Fingerprint::of([page.key(), raw]).to_string(),
            sync_key: page.key().to_owned(),
            endpoint: source.map(|source| source.endpoint().to_owned()).unwrap_or_default(),
            record_key,
            reason: reason.to_owned(),
            added: page.now(),
            raw: raw.to_owned(),
        }
    }
}

// The raw text can hold personal data.
debug_fields!(Entry(id, sync_key, endpoint, record_key, reason, added));
