//! A provider of your own: a listing and an incremental sync of an API that this library does not know. Most APIs need no provider: see
//! the example `github_repos`.
//!
//!     cargo run --example own_provider
//!
//! It reads a small API of notes on loopback, twice. In between a note is written, one is changed and one is deleted.
#![allow(clippy::print_stdout)]

use std::{collections::BTreeMap, error::Error};

use futures::TryStreamExt;
use jobfeed::checkpoint::FileStore;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Incremental, Listing, Paging, Record};
use jobfeed::{Client, Credentials, ListAt, Position, jiff::Timestamp, paginate};
use serde::Deserialize;

mod notes_api;

/// `GET /notes`, from an instant on.
#[derive(Debug, Clone, Default)]
struct Notes {
    updated_since: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Note {
    id: u64,
    text: String,
}

impl Endpoint for Notes {
    fn name(&self) -> &'static str {
        "notes_api/notes"
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get("notes");
        if let Some(instant) = self.updated_since {
            request = request.query("updated_since", instant);
        }
        if let Position::Token(after) = at { request.query("after", after) } else { request }
    }

    fn list(&self) -> ListAt {
        ListAt::Field("notes")
    }

    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::token(answer, "after")
    }

    // A token names the last note of its page, so notes that change meanwhile move nothing.
    fn positions_shift(&self) -> bool {
        false
    }

    fn is_removal(&self, record: &Record<'_>) -> bool {
        record.get("deleted") == Some(true)
    }
}

impl Listing for Notes {
    type Item = Note;
}

impl Incremental for Notes {
    type Mark = Timestamp;

    fn since(&self, instant: &Timestamp) -> Self {
        Self { updated_since: Some(*instant) }
    }

    fn mark(&self, record: &Record<'_>) -> Option<Timestamp> {
        record.get("updated_at")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = notes_api::start(50).await?;
    let api = Client::builder().base_url(server.base_url()).credentials(Credentials::bearer("a-key")?).build()?;

    let notes: Vec<Note> = api.list(Notes::default()).items().try_collect().await?;
    println!("the listing has {} notes", notes.len());
    // An application keeps this folder. Here the API begins anew each time, so the checkpoint does too.
    let folder = std::env::temp_dir().join(format!("own_provider-{}", std::process::id()));
    let mut kept = BTreeMap::new();
    for later in [false, true] {
        if later {
            println!("a note is written, one is changed and one is deleted; the last one of the first run comes again");
            server.with(notes_api::Notes::change_some);
        }
        let mut run = api.list(Notes::default()).sync_since("notes", FileStore::new(&folder)?).await?;
        while let Some(mut batch) = run.next().await? {
            kept.extend(batch.take_items().into_iter().map(|note| (note.id, note.text)));
            batch.removals().filter_map(|record| record.get("id")).for_each(|id: u64| drop(kept.remove(&id)));
            batch.commit().await?; // only now does the checkpoint move
        }
        println!("{}; {} notes are kept", run.report(), kept.len());
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
