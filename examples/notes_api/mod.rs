//! A small API on loopback for the example `own_provider`: notes that are written, changed and deleted, 20 on a page.

use std::collections::BTreeMap;

use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::testing::{PageFaults, Received, Reply, Service, Simulator};

const PAGE: usize = 20;

/// The notes by id: when each was changed last, and its text. A deleted note has no text.
pub(crate) struct Notes {
    rows: BTreeMap<u64, (Timestamp, Option<String>)>,
    now: Timestamp,
}

/// Starts the API with some notes.
pub(crate) async fn start(notes: u64) -> std::io::Result<Simulator<NotesApi>> {
    let mut data = Notes { rows: BTreeMap::new(), now: Timestamp::UNIX_EPOCH };
    (1..=notes).for_each(|id| data.write(id, Some(format!("note {id}"))));
    Simulator::start(NotesApi(data)).await
}

impl Notes {
    /// Writes a new note, changes one and deletes one.
    pub(crate) fn change_some(&mut self) {
        self.write(51, Some("a new note".to_owned()));
        self.write(7, Some("a changed note".to_owned()));
        self.write(8, None);
    }

    fn write(&mut self, id: u64, text: Option<String>) {
        self.now += SignedDuration::from_millis(1500);
        self.rows.insert(id, (self.now, text));
    }
}

pub(crate) struct NotesApi(Notes);

impl Service for NotesApi {
    type Data = Notes;

    fn data(&mut self) -> &mut Notes {
        &mut self.0
    }

    fn is_list(&self, request: &Received) -> bool {
        request.path() == "/notes"
    }

    /// `updated_since` includes its instant. The token `after` names the last note of the page before.
    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        if request.authorization() != Some("Bearer a-key") {
            return Reply::detail(401, "Send a key.");
        }
        let since = request.param("updated_since").and_then(|since| since.parse::<Timestamp>().ok());
        let after = request.param("after").and_then(|token| token.split_once('_'));
        let after = after.and_then(|(at, id)| Some((at.parse::<Timestamp>().ok()?, id.parse::<u64>().ok()?)));
        let mut rows: Vec<_> = self.0.rows.iter().map(|(id, (at, text))| ((*at, *id), text)).collect();
        rows.sort_unstable_by_key(|(place, _)| *place);
        rows.retain(|(place, _)| since.is_none_or(|since| place.0 >= since) && Some(*place) > after);
        let last = rows.get(PAGE - 1).filter(|_| rows.len() > PAGE).map(|((at, id), _)| format!("{at}_{id}"));
        let json = |((at, id), text): &((Timestamp, u64), &Option<String>)| match text {
            Some(text) => serde_json::json!({ "id": id, "updated_at": at, "text": text }).to_string(),
            None => serde_json::json!({ "id": id, "updated_at": at, "deleted": true }).to_string(),
        };
        let mut rows: Vec<String> = rows.iter().take(PAGE).map(json).collect();
        faults.apply(&mut rows, |_| true);
        Reply::page(r#"{"notes":"#, &rows, &format!(r#","after":{}}}"#, serde_json::json!(last)))
    }
}
