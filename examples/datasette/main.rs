//! A table of a Datasette server, an API that this library does not know: an incremental sync with a checkpoint in a file.
//!
//!     cargo run --example datasette -- FOLDER [http://127.0.0.1:8001/DATABASE/]
//!
//! Kill it at any time and run it again with the same folder and address: no row is lost. Without an address it reads a simulated server,
//! which has another address each time: name a new folder then, because a checkpoint belongs to one server.
#![allow(clippy::print_stdout)]

use std::{error::Error, path::Path};

use jobfeed::{Client, testing::AnyApi};

mod postings;
mod simulated;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let server = AnyApi::builder().list(simulated::postings(1000)).start().await?;
    let simulated = server.base_url().to_string();
    let folder = Path::new(arguments.get(1).ok_or("name a folder for the rows and the checkpoint")?);
    let api = Client::builder().base_url(arguments.get(2).unwrap_or(&simulated)).build()?;
    println!("{}", postings::sync(&api, folder).await?);
    println!("{} rows are kept", postings::rows(folder)?.len());
    Ok(())
}
