//! The loopback server that all simulated providers share.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use std::{fmt, io};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use super::body::{Payload, Plan};
use super::fault::{Fault, Faults, PageFaults, StandIn, When};
use super::served::{Served, ServedRequest};
use super::service::{Answer, Received, Service};
use super::time;

/// The largest body of a request that is read, in bytes.
const LARGEST_REQUEST: usize = 8 << 20;

/// A [`Service`] on a port of 127.0.0.1, served on the tokio runtime of the caller until this value is dropped.
///
/// It speaks HTTP/1.1 with keep-alive, logs and counts every request, and applies the faults that are switched on.
pub struct Server<S: Service> {
    shared: Arc<Shared<S>>,
    origin: Url,
    task: JoinHandle<()>,
}

impl<S: Service> Server<S> {
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let origin = Url::parse(&format!("http://{address}/")).map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            address: address.to_string(),
            started: time::monotonic(),
            in_flight: AtomicU64::new(0),
            state: Mutex::new(State {
                service,
                faults: Faults::default(),
                hooks: Hooks::default(),
                served: Served::default(),
                list_requests: 0,
            }),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, origin, task })
    }

    /// The server's root, `http://127.0.0.1:<port>/`.
    pub fn origin(&self) -> &Url {
        &self.origin
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        let port = self.origin.port_or_known_default().unwrap_or(80);
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Reads or changes the service between two requests.
    pub fn with<R>(&self, act: impl FnOnce(&mut S) -> R) -> R {
        act(&mut self.shared.lock().service)
    }

    /// Switches a fault on. It stays until [`clear_faults`](Self::clear_faults), or until `when` can no longer come true.
    pub fn fault(&self, fault: Fault, when: When) {
        self.shared.lock().faults.add(fault, when);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Runs `act` once, when the `n`-th list request (from 1) has come and before it is answered.
    ///
    /// The server is locked meanwhile: `act` must not call it.
    pub fn before_request(&self, n: u64, act: impl FnOnce(&mut S) + Send + 'static) {
        let mut state = self.shared.lock();
        state.hooks.once.entry(n).or_default().push(Box::new(act));
    }

    /// Runs `act` with the number of the request before every list request is answered. Hooks run in the order in which
    /// they were given, those of [`before_request`](Self::before_request) first.
    ///
    /// The server is locked meanwhile: `act` must not call it.
    pub fn on_request(&self, act: impl FnMut(u64, &mut S) + Send + 'static) {
        self.shared.lock().hooks.each.push(Box::new(act));
    }

    /// What was served so far.
    pub fn served(&self) -> Served {
        self.shared.lock().served.clone()
    }

    /// Starts counting afresh, the log included. The numbers of the list requests go on.
    pub fn reset_served(&self) {
        self.shared.lock().served = Served::default();
    }
}

impl<S: Service> Drop for Server<S> {
    fn drop(&mut self) {
        // The connections are tasks of the accepting one's `JoinSet` and end with it.
        self.task.abort();
    }
}

impl<S: Service> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("origin", &self.origin.as_str()).finish_non_exhaustive()
    }
}

struct Shared<S> {
    address: String,
    started: Instant,
    in_flight: AtomicU64,
    state: Mutex<State<S>>,
}

struct State<S> {
    service: S,
    faults: Faults,
    hooks: Hooks<S>,
    served: Served,
    list_requests: u64,
}

type Once<S> = Box<dyn FnOnce(&mut S) + Send>;
type Each<S> = Box<dyn FnMut(u64, &mut S) + Send>;

struct Hooks<S> {
    once: BTreeMap<u64, Vec<Once<S>>>,
    each: Vec<Each<S>>,
}

impl<S> Default for Hooks<S> {
    fn default() -> Self {
        Self { once: BTreeMap::new(), each: Vec::new() }
    }
}

impl<S> Hooks<S> {
    fn run(&mut self, number: u64, service: &mut S) {
        for act in self.once.remove(&number).into_iter().flatten() {
            act(service);
        }
        for act in &mut self.each {
            act(number, service);
        }
    }
}

impl<S> Shared<S> {
    /// A hook that panicked spoils one answer, not all that follow.
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request for as long as it lives.
struct InFlight<S>(Arc<Shared<S>>);

impl<S> Drop for InFlight<S> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn accept<S: Service>(listener: TcpListener, shared: Arc<Shared<S>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that left while it was waiting is no reason to stop.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<S: Service>(stream: TcpStream, shared: Arc<Shared<S>>) {
    // Without it small answers wait for the acknowledgement of the ones before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(Arc::clone(&shared), request));
    // The error is the client's departure, or a connection that was broken on purpose.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn handle<S: Service>(shared: Arc<Shared<S>>, request: Request<Incoming>) -> io::Result<Response<Payload>> {
    let now_in_flight = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
    let guard = InFlight(Arc::clone(&shared));
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST).collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::from_parts(head, body);
    match decide(&shared, &request, now_in_flight) {
        Decision::Answer(answer, plan) => Ok(respond(&answer, plan, guard)),
        Decision::Drop => Err(io::Error::other("the connection is dropped on purpose")),
        Decision::Stall => match std::future::pending::<Infallible>().await {},
    }
}

enum Decision {
    Answer(Answer, Plan),
    Drop,
    Stall,
}

/// Everything that happens under the lock: hooks, faults, the answer, the log.
fn decide<S: Service>(shared: &Shared<S>, request: &Request<Bytes>, now_in_flight: u64) -> Decision {
    let at = shared.started.elapsed();
    let mut request = Received::new(request, &shared.address);
    let mut guard = shared.lock();
    let state = &mut *guard;
    if state.service.is_list(&request) {
        state.list_requests += 1;
        request.list_number = Some(state.list_requests);
        state.hooks.run(state.list_requests, &mut state.service);
    }
    let faults = state.faults.for_request(&request);
    let error_object = state.service.error_object();
    let decision = match faults.iter().find_map(|fault| fault.stand_in(&error_object)) {
        Some(StandIn::Drop) => Decision::Drop,
        Some(StandIn::Stall) => Decision::Stall,
        Some(StandIn::Answer(answer)) => finish(answer, &faults, false),
        None => {
            let answer = state.service.answer(&request, &PageFaults::gather(&faults));
            let good = answer.is_good();
            finish(answer, &faults, good)
        }
    };
    let (status, rows, bytes) = match &decision {
        Decision::Answer(answer, plan) if plan.whole => (Some(answer.status), answer.rows, plan.bytes),
        Decision::Answer(answer, plan) => (Some(answer.status), 0, plan.bytes),
        Decision::Drop | Decision::Stall => (None, 0, 0),
    };
    state.served.peak_in_flight = state.served.peak_in_flight.max(now_in_flight);
    let secret = state.service.secret_parameters();
    let query = request.query.into_iter().map(|(name, value)| {
        let blank = secret.contains(&name.as_str());
        (name, if blank { "***".to_owned() } else { value })
    });
    state.served.record(ServedRequest {
        list_number: request.list_number,
        method: request.method,
        path: request.path,
        query: query.collect(),
        authorized: request.authorization.is_some(),
        status,
        rows,
        bytes,
        faults: faults.iter().map(Fault::name).collect(),
        at,
    });
    decision
}

/// Applies the faults that concern the message itself.
fn finish(mut answer: Answer, faults: &[Fault], good: bool) -> Decision {
    let body = answer.body.clone();
    let plan = if good { Plan::with_faults(body, faults) } else { Plan::at_once(body) };
    for fault in faults {
        if let Fault::Header(name, value) = fault {
            answer = answer.header(name, value);
        }
    }
    Decision::Answer(answer, plan)
}

fn respond<G: Send + 'static>(answer: &Answer, plan: Plan, guard: G) -> Response<Payload> {
    let announced = plan.announced;
    match head(answer) {
        Ok((status, headers)) => {
            let mut response = Response::new(plan.payload(guard));
            *response.status_mut() = status;
            response.headers_mut().extend(headers);
            if let Some(length) = announced {
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            response
        }
        Err(problem) => {
            let text = format!("The simulator cannot send this answer: {problem}");
            let mut response = Response::new(Plan::at_once(text.into()).payload(guard));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

type Headers = Vec<(HeaderName, HeaderValue)>;

fn head(answer: &Answer) -> Result<(StatusCode, Headers), http::Error> {
    let status = StatusCode::from_u16(answer.status)?;
    let headers = answer.headers.iter().map(|(name, value)| {
        Ok::<_, http::Error>((HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_bytes(value.as_bytes())?))
    });
    Ok((status, headers.collect::<Result<_, _>>()?))
}
