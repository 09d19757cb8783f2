//! A small API on loopback for the example `oauth2_api`: items by token, and the token endpoint, whose tokens live 3 seconds and
//! whose refresh tokens are valid once.

use std::time::Duration;

use jobfeed::testing::{PageFaults, Received, Reply, Service, Simulator};
use jobfeed::url::form_urlencoded;
use tokio::time::Instant;

/// How long a token is valid.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3);

/// When each token was issued. The n-th is `token-n`.
#[derive(Default)]
pub(crate) struct TokenApi(Vec<Instant>);

/// Starts the API.
pub(crate) async fn start() -> std::io::Result<Simulator<TokenApi>> {
    Simulator::start(TokenApi::default()).await
}

impl Service for TokenApi {
    type Data = Vec<Instant>;

    fn data(&mut self) -> &mut Vec<Instant> {
        &mut self.0
    }

    fn is_list(&self, request: &Received) -> bool {
        request.path() == "/items"
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        if request.path() == "/token" {
            return self.token(request);
        }
        let token = request.authorization().and_then(|text| text.strip_prefix("Bearer token-"));
        let number = token.and_then(|number| number.parse::<usize>().ok()?.checked_sub(1));
        if number.and_then(|number| self.0.get(number)).is_none_or(|issued| issued.elapsed() >= LIFETIME) {
            return Reply::detail(401, "Send a token.");
        }
        let mut rows = vec![r#"{"id":1}"#.to_owned(), r#"{"id":2}"#.to_owned()];
        faults.apply(&mut rows, |_| true);
        Reply::page(r#"{"items":"#, &rows, "}")
    }
}

impl TokenApi {
    fn token(&mut self, request: &Received) -> Reply {
        let sent: Vec<_> = form_urlencoded::parse(request.body()).collect();
        let valid = format!("refresh-{}", self.0.len());
        if !sent.iter().any(|(name, value)| name == "refresh_token" && *value == valid) {
            return Reply::json(400, r#"{"error":"invalid_grant"}"#);
        }
        self.0.push(Instant::now());
        let (number, seconds) = (self.0.len(), LIFETIME.as_secs());
        let answer = serde_json::json!({
            "access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": seconds,
            "refresh_token": format!("refresh-{number}"),
        });
        Reply::json(200, answer.to_string())
    }
}
