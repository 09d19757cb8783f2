//! What all simulators share, and a service that is none of the four.

use std::time::Duration;

use jobfeed::testing::{Fault, PageFaults, Received, Reply, Service, Simulator, When};

use super::{client, get, small, try_get};

#[tokio::test]
async fn requests_in_flight_are_counted() {
    let api = small().start().await.unwrap();
    api.fault(Fault::SlowBody(Duration::from_millis(150)), When::Always);
    for _ in 0..2 {
        get(&api, "jobs/?page_size=10").await;
    }
    assert_eq!(api.served().peak_in_flight, 1);
    tokio::join!(get(&api, "jobs/"), get(&api, "jobs/"), get(&api, "jobs/"));
    assert_eq!(api.served().peak_in_flight, 3);
    api.reset_served();
    assert_eq!(api.served().requests, 0);
}

#[tokio::test]
async fn it_stops_when_it_is_dropped_and_can_come_back() {
    let api = small().start().await.unwrap();
    let url = api.base_url();
    let keep_alive = client();
    assert_eq!(keep_alive.get(url.clone()).send().await.unwrap().status(), 404);
    drop(api);
    tokio::task::yield_now().await;
    assert!(keep_alive.get(url.clone()).send().await.is_err());
    let api = small().port(url.port().unwrap()).start().await.unwrap();
    assert_eq!(get(&api, "jobs/").await.status, 200);
    assert_eq!(api.base_url(), url);
}

/// A service of a user needs only data and a way of paging.
struct Numbers(Vec<u64>);

impl Service for Numbers {
    type Data = Vec<u64>;

    fn data(&mut self) -> &mut Vec<u64> {
        &mut self.0
    }

    fn is_list(&self, request: &Received) -> bool {
        request.path() == "/numbers"
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        let offset = request.param("offset").and_then(|text| text.parse().ok()).unwrap_or(0);
        let rows: Vec<&u64> = self.0.iter().skip(offset).take(faults.page_size(10)).collect();
        let sent = faults.rows(rows.len());
        Reply::json(200, serde_json::to_string(&rows[..sent]).unwrap()).rows(sent)
    }
}

#[tokio::test]
async fn any_service_can_be_served() {
    let server = Simulator::start(Numbers((0..100).collect())).await.unwrap();
    server.fault(Fault::ShortPage(4), When::Request(2));
    server.before_request(3, Vec::clear);
    let url = |offset: u32| format!("{}numbers?offset={offset}", server.origin());
    let rows = async |offset| try_get(&url(offset), None).await.unwrap().json().as_array().unwrap().len();
    assert_eq!([rows(0).await, rows(10).await, rows(20).await], [10, 6, 0]);
    assert_eq!(server.with(|numbers| numbers.len()), 0);
    assert_eq!(server.served().rows, 16);
    assert_eq!(server.address().port(), server.origin().port().unwrap());
}
