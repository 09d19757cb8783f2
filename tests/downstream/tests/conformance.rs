//! A provider and a store of the wrapping crate in jobfeed's conformance suite.

use std::collections::BTreeSet;

use jobfeed::checkpoint::MemoryStore;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Incremental, Listing, Paging, Record};
use jobfeed::jiff::Timestamp;
use jobfeed::paginate::{self, ReadAt, Scheme};
use jobfeed::serde_json::{Value, json};
use jobfeed::testing::conformance::{self, Case, PAGE, ROWS, Settings, SyncCase, Violation};
use jobfeed::testing::{AnyApi, ListRoute, Service, Simulator};
use jobfeed::{BoxError, Client, Credentials, ListAt, PageStream, Position, Result, SyncRun};
use jobfeed_downstream::Warehouse;

/// A list of events by id, with a token for the next page.
#[derive(Clone, Default)]
struct Events(Option<u64>);

impl Endpoint for Events {
    fn name(&self) -> &str {
        "downstream/events"
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let request = ApiRequest::get("events").query("limit", PAGE);
        let request = at.token().into_iter().fold(request, |request, token| request.query("after", token));
        self.0.iter().fold(request, |request, id| request.query("from_id", id))
    }

    fn list(&self) -> ListAt {
        ListAt::Field("events")
    }

    fn next(&self, _: &Position, answer: &Answer<'_>) -> std::result::Result<Paging, AnswerError> {
        Ok(Paging { total: paginate::total(answer, "found")?, ..paginate::token(answer, "next")? })
    }

    fn key(&self) -> Option<&str> {
        Some("id")
    }

    fn positions_shift(&self) -> bool {
        false
    }
}

impl Listing for Events {
    type Item = Value;
}

impl Incremental for Events {
    type Mark = u64;

    fn since(&self, id: &u64) -> Self {
        Self(Some(*id))
    }

    fn mark(&self, event: &Record<'_>) -> Option<u64> {
        event.get("id")
    }
}

/// The list on its simulator.
struct EventsCase(AnyApi);

impl EventsCase {
    fn client(&self, settings: &Settings) -> Result<Client> {
        let builder = Client::builder().base_url(self.0.base_url()).credentials(Credentials::bearer("a-s3cret-key")?);
        settings.client(builder, Timestamp::now()).build()
    }
}

impl Case for EventsCase {
    const TOTAL: bool = true;

    async fn start() -> std::result::Result<Self, BoxError> {
        let scheme = Scheme::token_at(ReadAt::pointer("/next"), "after").page_size("limit", PAGE).fixed_positions();
        let events = ListRoute::new("events", scheme.total(ReadAt::pointer("/found")));
        let events = events.rows((1..=ROWS).map(|id| json!({"id": id}))).records_at("/events");
        let events = events.sorted_by(["/id"]).lower_bound("from_id", "/id");
        Ok(Self(AnyApi::builder().bearer("a-s3cret-key").list(events).start().await?))
    }

    fn server(&self) -> &Simulator<impl Service> {
        &*self.0
    }

    fn pages(&self, settings: &Settings) -> Result<PageStream<Value>> {
        Ok(settings.pages(self.client(settings)?.list(Events::default())))
    }

    fn secret(&self) -> String {
        "a-s3cret-key".to_owned()
    }
}

impl SyncCase for EventsCase {
    const COUNTS: bool = true;

    async fn sync(&self, settings: &Settings, store: MemoryStore) -> Result<SyncRun<Value, MemoryStore>> {
        self.client(settings)?.list(Events::default()).sync_since("events", store).await
    }

    fn add_rows(&self) {
        self.0.with(|lists| {
            let events = lists.rows("events");
            events.extend((0..5).map(|more| json!({"id": events.len() + 1 + more})).collect::<Vec<_>>());
        });
    }

    async fn expected(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.with(|lists| lists.rows("events").iter().map(|event| event["id"].to_string()).collect())
    }
}

jobfeed::conformance_tests!(listing: EventsCase);
jobfeed::conformance_tests!(sync: EventsCase);

#[tokio::test]
async fn the_warehouse_is_a_store() -> std::result::Result<(), Violation> {
    let warehouse = Warehouse::default();
    conformance::store(async || Ok::<_, BoxError>(warehouse.clone())).await
}
