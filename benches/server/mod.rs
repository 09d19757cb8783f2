//! A server of pre-built bytes, so that it is faster than the client: each response is a slice of one buffer, which has
//! the records in the order of their ids.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jobfeed::testing::JobDataApi;

/// The number of different records; the other records repeat them with other ids.
const DISTINCT: usize = 2_000;

pub struct Dataset {
    rows: Bytes,
    /// The end of each record in `rows`. A record starts one byte after the end of the previous one, after the comma.
    ends: Vec<usize>,
    compressed: Mutex<HashMap<(String, u64, u64), Bytes>>,
}

impl Dataset {
    /// `rows` records of about 3 KB, with ids from 1.
    pub async fn new(rows: usize) -> Self {
        let source = JobDataApi::builder().jobs(DISTINCT).record_size(2_900).seed(3).start().await.unwrap();
        let records: Vec<String> = source.ids().into_iter().map(|id| source.record(id).unwrap()).collect();
        // Each record without its id, which is the first field.
        let tails: Vec<&str> = records.iter().map(|record| record.split_once(',').unwrap().1).collect();
        let mut buffer = Vec::with_capacity(rows * 3_100);
        let mut ends = Vec::with_capacity(rows);
        for id in 1..=rows {
            if id > 1 {
                buffer.push(b',');
            }
            write!(buffer, "{{\"id\":{id},{}", tails[id % tails.len()]).unwrap();
            ends.push(buffer.len());
        }
        Self { rows: buffer.into(), ends, compressed: Mutex::default() }
    }

    pub fn bytes(&self) -> usize {
        self.rows.len()
    }

    pub fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    /// The records with the ids from `first` to `last`, both inclusive.
    fn slice(&self, first: u64, last: u64) -> Bytes {
        if first > last {
            return Bytes::new();
        }
        let start = if first == 1 { 0 } else { self.ends[first as usize - 2] + 1 };
        self.rows.slice(start..self.ends[last as usize - 1])
    }

    /// The parts of a response: the envelope before the records, the records, the end.
    ///
    /// `times`: how often the records are repeated, for listings that are larger than the buffer.
    fn parts(&self, query: &HashMap<String, u64>, origin: &str, times: u64) -> Vec<Bytes> {
        let get = |name: &str| query.get(name).copied();
        let (min, max) = (get("min_id").unwrap_or(1), get("max_id").unwrap_or(u64::MAX).min(self.len() * times));
        let (size, page) = (get("page_size").unwrap_or(1000), get("page").unwrap_or(1));
        let total = (max + 1).saturating_sub(min);
        let first = min + (page - 1) * size;
        let last = (first + size - 1).min(max);
        let next = if last < max { format!("\"{origin}/jobs/?page={}\"", page + 1) } else { "null".to_owned() };
        let head = format!(r#"{{"count":{total},"next":{next},"previous":null,"results":["#);
        let offset = (first - 1) / self.len() * self.len();
        vec![head.into(), self.slice(first - offset, last - offset), Bytes::from_static(b"]}")]
    }

    /// The compressed response, cached by coding, page size and page.
    fn compressed(&self, coding: &str, query: &HashMap<String, u64>, origin: &str) -> Bytes {
        let get = |name: &str, default| query.get(name).copied().unwrap_or(default);
        let key = (coding.to_owned(), get("page_size", 1000), get("page", 1));
        if let Some(cached) = self.compressed.lock().unwrap().get(&key) {
            return cached.clone();
        }
        let plain = self.parts(query, origin, 1).concat();
        let body: Bytes = match coding {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&plain).unwrap();
                encoder.finish().unwrap().into()
            }
            _ => zstd::encode_all(plain.as_slice(), 1).unwrap().into(),
        };
        self.compressed.lock().unwrap().insert(key, body.clone());
        body
    }
}

/// Serves on a separate thread until the process ends. The first part of the path is the mode: `plain`, `gzip`, `zstd`,
/// `long` for ten times the records, or `slow50` for a delay of 50 ms before each response.
pub fn serve(data: Arc<Dataset>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let base = origin.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                let (data, base) = (data.clone(), base.clone());
                let service = service_fn(move |request| answer(request, data.clone(), base.clone()));
                let connection = hyper::server::conn::http1::Builder::new()
                    .max_buf_size(1 << 20)
                    .serve_connection(TokioIo::new(socket), service);
                tokio::spawn(connection);
            }
        });
    });
    origin
}

type Body = StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

#[allow(clippy::disallowed_methods)]
async fn answer(request: Request<Incoming>, data: Arc<Dataset>, base: String) -> Result<Response<Body>, Infallible> {
    let query: HashMap<String, u64> = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        .filter_map(|(name, value)| Some((name.into_owned(), value.parse().ok()?)))
        .collect();
    let mode = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
    let origin = format!("{base}/{mode}");
    let mut response = Response::builder().header("content-type", "application/json");
    let parts = match mode.as_str() {
        "gzip" | "zstd" => {
            response = response.header("content-encoding", mode.as_str());
            vec![data.compressed(&mode, &query, &origin)]
        }
        "long" => data.parts(&query, &origin, 10),
        _ => data.parts(&query, &origin, 1),
    };
    if mode == "slow50" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let length: usize = parts.iter().map(Bytes::len).sum();
    let frames: Vec<_> = parts.into_iter().map(|part| Ok(Frame::data(part))).collect();
    Ok(response.header("content-length", length).body(StreamBody::new(stream::iter(frames))).unwrap())
}
