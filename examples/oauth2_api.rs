//! An API with OAuth 2.0: tokens that live 3 seconds, and a refresh token that the server replaces with each use.
//!
//!     cargo run --example oauth2_api
//!
//! It reads a list on loopback for 10 seconds from four tasks, which share the tokens of one client.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::error::Error;
use std::time::Duration;

use futures::future::try_join_all;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Listing, Paging};
use jobfeed::secrecy::{ExposeSecret, SecretString};
use jobfeed::{Client, ListAt, OAuth2, Position, RateLimit};
use serde_json::Value;
use tokio::time::Instant;

mod token_api;

/// `GET /items`, on one page.
#[derive(Debug, Clone)]
struct Items;

impl Endpoint for Items {
    fn name(&self) -> &'static str {
        "token_api/items"
    }

    fn request(&self, _: &Position) -> ApiRequest {
        ApiRequest::get("items")
    }

    fn list(&self) -> ListAt {
        ListAt::Field("items")
    }

    fn next(&self, _: &Position, _: &Answer<'_>) -> Result<Paging, AnswerError> {
        Ok(Paging::default())
    }
}

impl Listing for Items {
    type Item = Value;
}

/// Reads the list until the time is over. Returns how often.
async fn read(api: Client, until: Instant) -> jobfeed::Result<u32> {
    let mut pages = 0;
    while Instant::now() < until {
        api.list(Items).send().await?;
        pages += 1;
    }
    Ok(pages)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = token_api::start().await?;
    // An application keeps this file, and begins with the token in it.
    let file = std::env::temp_dir().join(format!("oauth2_api-{}", std::process::id()));
    let kept = file.clone();
    let tokens = OAuth2::refresh_token(format!("{}token", server.base_url()), "my-app", "refresh-0")?.save(
        move |token: SecretString| {
            println!("the server replaced the refresh token; saved");
            let written = std::fs::write(&kept, token.expose_secret());
            async move { written }
        },
    );
    let limit = RateLimit::new(40, Duration::from_secs(1));
    let api = Client::builder().base_url(server.base_url()).credential_source(tokens).rate_limit(limit).build()?;

    let until = Instant::now() + Duration::from_secs(10);
    let pages: u32 = try_join_all((0..4).map(|_| read(api.clone(), until))).await?.iter().sum();
    println!("{pages} pages in 10 seconds with {} tokens, no call failed", server.with(|issued| issued.len()));
    std::fs::remove_file(file)?;

    // A refresh token that is not valid is an error that says what to do. It shows no secret.
    let old = OAuth2::refresh_token(format!("{}token", server.base_url()), "my-app", "an-old-refresh-token")?;
    let api = Client::builder().base_url(server.base_url()).credential_source(old).build()?;
    if let Err(error) = api.list(Items).send().await {
        println!("a client with an old refresh token: {error}");
    }
    Ok(())
}
