//! Keeps the answers of a plain listing.

use async_stream::try_stream;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};

use super::bodies::pack;
use super::entry::Entry;
use super::objects::{Archive, history, manifest_object};
use crate::checkpoint::file_name;
use crate::error::{ArchiveError, Error, Result};
use crate::listing::{Page, PageContent};

impl Archive {
    /// Keeps the answers of a listing under a name, by which [`Replay::key`](super::Replay::key) finds them. Each page is handed out when its
    /// body is kept and listed. A listing has no commit: a page that the caller did not store before a crash is in the archive too.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use jobfeed::{archive::Archive, jobdataapi::Client, testing::JobDataApi};
    /// use futures::TryStreamExt;
    /// # let server = JobDataApi::builder().jobs(300).start().await?;
    /// # let (key, url) = (server.api_key(), server.base_url());
    /// # let api = Client::builder().api_key(key).base_url(url).build()?;
    /// # let folder = tempfile::tempdir()?;
    /// # let archive = Archive::open_folder(folder.path()).await?;
    /// let mut pages = archive.keep("jobs/listed", api.jobs().pages());
    /// while let Some(page) = pages.try_next().await? {
    ///     println!("{} jobs", page.items.len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// The stream ends after an error. [`Error::Archive`]: the archive failed, and the page was not handed out.
    pub fn keep<T: Send + 'static>(
        &self,
        name: &str,
        pages: impl Stream<Item = Result<Page<T>>> + Send + 'static,
    ) -> BoxStream<'static, Result<Page<T>>> {
        let (archive, name) = (self.clone(), name.to_owned());
        try_stream! {
            if name.is_empty() {
                Err(Error::invalid("name in the archive", "", "a text that is not empty"))?;
            }
            let (history, mut number) = (history(archive.now(), true), 0);
            let mut pages = pages.boxed();
            while let Some(page) = pages.try_next().await? {
                number += 1;
                archive.keep_page(&PageContent::of(&page), &name, &history, number).await?;
                yield page;
            }
        }
        .boxed()
    }

    async fn keep_page(&self, page: &PageContent, name: &str, history: &str, number: u64) -> Result<(), ArchiveError> {
        let Some(source) = &page.source else { return Ok(()) };
        let (mut entry, body) = Entry::of(source, page, name, history, number);
        if let Some((object, compressed)) = pack(&mut entry, body).await? {
            self.put(&object, compressed).await?;
        }
        self.put(&manifest_object(&file_name(name), history, number), entry.line()).await
    }
}
