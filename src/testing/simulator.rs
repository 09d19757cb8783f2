//! The HTTP server on loopback that all simulated providers share.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use super::body::{OutgoingBody, Payload};
use super::fault::{Fault, Faults, NoReply, When, page_faults};
use super::received::Received;
use super::reply::Reply;
use super::served::{Served, ServedRequest};
use super::service::Service;
use super::time::Elapsed;

/// The largest body of a request that is read, in bytes.
const LARGEST_REQUEST: usize = 8 << 20;

/// A [`Service`] on a port of 127.0.0.1, served on the tokio runtime of the caller until this value is dropped.
///
/// It speaks HTTP/1.1 with keep-alive, logs and counts every request, and applies the faults that are switched on. The
/// simulators of the providers, such as [`JobDataApi`](super::JobDataApi), have all methods of this type.
pub struct Simulator<S: Service> {
    pub(super) shared: Arc<Shared<S>>,
    origin: Url,
    base_url: Url,
    /// `None` for a simulator without a port.
    task: Option<JoinHandle<()>>,
}

impl<S: Service> Simulator<S> {
    /// Starts on a free port. Call it within a tokio runtime that has I/O and time enabled.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(service: S) -> io::Result<Self> {
        Self::start_on(0, service).await
    }

    /// Starts on a given port; 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start_on(port: u16, service: S) -> io::Result<Self> {
        let listener =
            if port == 0 { bind_new_port().await? } else { TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await? };
        let origin = Url::parse(&format!("http://{}/", listener.local_addr()?)).map_err(io::Error::other)?;
        Self::with_origin(origin, service, |shared| Some(tokio::spawn(accept(listener, Arc::clone(shared)))))
    }

    /// A simulator at this origin; `serve` begins to serve it.
    pub(super) fn with_origin(
        origin: Url,
        service: S,
        serve: impl FnOnce(&Arc<Shared<S>>) -> Option<JoinHandle<()>>,
    ) -> io::Result<Self> {
        let base_url = origin.join(S::BASE_PATH).map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            address: origin.authority().to_owned(),
            started: Elapsed::monotonic(),
            in_flight: AtomicU64::new(0),
            locked: Mutex::new(Locked {
                service,
                faults: Faults::default(),
                hooks: Hooks { once: BTreeMap::new(), each: Vec::new() },
                served: Served::default(),
                list_requests: 0,
            }),
        });
        let task = serve(&shared);
        Ok(Self { shared, origin, base_url, task })
    }

    /// The root of the server, `http://127.0.0.1:<port>/`.
    pub fn origin(&self) -> &Url {
        &self.origin
    }

    /// The base URL for a client: the origin with [`Service::BASE_PATH`].
    pub fn base_url(&self) -> Url {
        self.base_url.clone()
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        let port = self.origin.port_or_known_default().unwrap_or(80);
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Reads or changes the data between two requests.
    pub fn with<R>(&self, act: impl FnOnce(&mut S::Data) -> R) -> R {
        act(self.shared.lock().service.data())
    }

    /// Switches a fault on. It stays until [`clear_faults`](Self::clear_faults), or until `when` can hit no more requests.
    pub fn fault(&self, fault: Fault, when: When) {
        self.shared.lock().faults.add(fault, when);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Changes the data once, after the `n`-th list request (from 1) has come and before it gets its reply.
    ///
    /// The simulator is locked meanwhile: `act` must not call it.
    pub fn before_request(&self, n: u64, act: impl FnOnce(&mut S::Data) + Send + 'static) {
        self.shared.lock().hooks.once.entry(n).or_default().push(Box::new(act));
    }

    /// Changes the data before the reply to every list request; `act` gets the number of the request, from 1. Hooks run in
    /// the order in which they were given, those of [`before_request`](Self::before_request) first.
    ///
    /// The simulator is locked meanwhile: `act` must not call it.
    pub fn on_request(&self, act: impl FnMut(u64, &mut S::Data) + Send + 'static) {
        self.shared.lock().hooks.each.push(Box::new(act));
    }

    /// What was served so far.
    pub fn served(&self) -> Served {
        self.shared.lock().served.clone()
    }

    /// Sets all counts back to 0 and empties the log. The numbers of the list requests go on.
    pub fn reset_served(&self) {
        self.shared.lock().served = Served::default();
    }
}

impl<S: Service> Drop for Simulator<S> {
    fn drop(&mut self) {
        // The connections are tasks in the `JoinSet` of this task and end with it.
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl<S: Service> fmt::Debug for Simulator<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

pub(super) struct Shared<S: Service> {
    address: String,
    started: Elapsed,
    in_flight: AtomicU64,
    locked: Mutex<Locked<S>>,
}

struct Locked<S: Service> {
    service: S,
    faults: Faults,
    hooks: Hooks<S::Data>,
    served: Served,
    list_requests: u64,
}

type Once<D> = Box<dyn FnOnce(&mut D) + Send>;
type Each<D> = Box<dyn FnMut(u64, &mut D) + Send>;

struct Hooks<D> {
    once: BTreeMap<u64, Vec<Once<D>>>,
    each: Vec<Each<D>>,
}

impl<D> Hooks<D> {
    fn run(&mut self, number: u64, data: &mut D) {
        for act in self.once.remove(&number).into_iter().flatten() {
            act(data);
        }
        for act in &mut self.each {
            act(number, data);
        }
    }
}

impl<S: Service> Shared<S> {
    /// Locks also after a hook has panicked, so that only the request of that hook fails.
    fn lock(&self) -> MutexGuard<'_, Locked<S>> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request as in flight until it is dropped.
struct InFlight<S: Service>(Arc<Shared<S>>);

impl<S: Service> Drop for InFlight<S> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn accept<S: Service>(listener: TcpListener, shared: Arc<Shared<S>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An error means that the client has left before its connection was accepted.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<S: Service>(stream: TcpStream, shared: Arc<Shared<S>>) {
    // Otherwise a small reply waits until the client has acknowledged the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(Arc::clone(&shared), request));
    // An error means that the client has left, or that a fault closed the connection.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn handle<S: Service>(shared: Arc<Shared<S>>, request: Request<Incoming>) -> io::Result<Response<Payload>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST).collect().await.map_err(io::Error::other)?.to_bytes();
    answer(&shared, Request::from_parts(head, body)).await
}

/// Answers a request that has arrived whole.
pub(super) async fn answer<S: Service>(
    shared: &Arc<Shared<S>>,
    request: Request<Bytes>,
) -> io::Result<Response<Payload>> {
    let now_in_flight = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
    let guard = InFlight(Arc::clone(shared));
    match decide(shared, request, now_in_flight) {
        Ok((reply, body)) => Ok(respond(&reply, body, guard)),
        Err(NoReply::Drop) => Err(io::Error::other("a fault closes the connection")),
        Err(NoReply::Stall) => match std::future::pending::<Infallible>().await {},
    }
}

/// Everything that happens under the lock: hooks, faults, the reply, the log.
fn decide<S: Service>(
    shared: &Shared<S>,
    request: Request<Bytes>,
    now_in_flight: u64,
) -> Result<(Reply, OutgoingBody), NoReply> {
    let at = shared.started.get();
    let mut request = Received::new(request, &shared.address);
    let mut guard = shared.lock();
    let Locked { service, faults, hooks, served, list_requests } = &mut *guard;
    if service.is_list(&request) {
        *list_requests += 1;
        request.list_number = Some(*list_requests);
        hooks.run(*list_requests, service.data());
    }
    let faults = faults.for_request(&request);
    let error_object = service.error_object();
    let replacement = faults.iter().find_map(|fault| fault.replacement(&error_object));
    let replaced = replacement.is_some();
    let reply = replacement.unwrap_or_else(|| Ok(service.reply(&request, &page_faults(&faults))));
    let decision = reply.map(|mut reply| {
        let body_faults = if reply.is_good() && !replaced { faults.as_slice() } else { &[] };
        let body = if faults.contains(&Fault::HangingBody) {
            OutgoingBody::hanging(&reply.body)
        } else {
            OutgoingBody::new(reply.body.clone(), body_faults)
        };
        for fault in &faults {
            if let Fault::Header(name, value) = fault {
                reply = reply.header(name, value);
            }
        }
        (reply, body)
    });
    let (status, rows, bytes) = match &decision {
        Ok((reply, body)) => (Some(reply.status), if body.whole { reply.rows } else { 0 }, body.bytes),
        Err(_) => (None, 0, 0),
    };
    let secret = service.secret_parameters();
    let query = request.query().iter().map(|(name, value)| {
        let value = if secret.contains(&name.as_str()) { "***" } else { value };
        (name.clone(), value.to_owned())
    });
    served.peak_in_flight = served.peak_in_flight.max(now_in_flight);
    served.record(ServedRequest {
        list_number: request.list_number,
        method: request.method().to_owned(),
        path: request.path().to_owned(),
        query: query.collect(),
        authorized: request.authorization().is_some(),
        status,
        rows,
        bytes,
        faults: faults.iter().map(Fault::name).collect(),
        at,
    });
    decision
}

fn respond<G: Send + 'static>(reply: &Reply, body: OutgoingBody, guard: G) -> Response<Payload> {
    let mut head = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        head = head.header(name, value);
    }
    let (head, body) = match head.body(()) {
        Ok(head) => (head, body),
        Err(problem) => {
            let text = format!("The simulator cannot send this reply: {problem}");
            let mut head = Response::new(());
            *head.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            (head, OutgoingBody::new(text.into(), &[]))
        }
    };
    let length = body.announced;
    let mut response = head.map(|()| body.payload(guard));
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// Ports on which this process had a simulator. Clients remember for a while how long a host asked them to wait, so that a new
/// simulator must not look like an earlier one.
static USED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
/// After this many used ports in a row, one is used again.
const MAX_USED: usize = 50;

/// A listener on a port that no simulator of this process had, if one can be found.
async fn bind_new_port() -> io::Result<TcpListener> {
    let mut refused = Vec::new();
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let new = USED.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
        if new || refused.len() == MAX_USED {
            return Ok(listener);
        }
        // It stays bound meanwhile, so that the system gives another port.
        refused.push(listener);
    }
}
