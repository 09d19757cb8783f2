//! Credentials and personal data of JobAffinity are not in logs, `Debug`, errors, cursors or states.

use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jobaffinity::{ApplicationForm, Client};
use jobfeed::{Checkpoint, RateLimit, RetryPolicy};
use serde::de::DeserializeOwned;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Reply, Script};

const LOGIN: &str = "L0GIN+SENTINEL";
const PASSWORD: &str = "S3NT+INEL/pass word";
/// base64 of login, colon and password, computed with another program.
const BASIC: &str = "TDBHSU4rU0VOVElORUw6UzNOVCtJTkVML3Bhc3Mgd29yZA==";
const NAME: &str = "Kerjean-Sentinel";
const EMAIL: &str = "nolwenn.sentinel@mail.example";

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    fn text(&self, text: &str) {
        self.0.lock().unwrap().extend_from_slice(text.as_bytes());
    }

    fn debug(&self, what: &impl Debug) {
        self.text(&format!("{what:?}\n{what:#?}\n"));
    }

    fn error(&self, error: &jobfeed::Error) {
        self.debug(error);
        let mut next: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = next {
            self.text(&format!("{error} {error:?}\n"));
            next = error.source();
        }
    }

    fn assert_clean(&self, what: &str) {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        assert!(text.len() > 500, "{what}: {text}");
        for secret in
            [LOGIN, "L0GIN", PASSWORD, "S3NT", "S3NT%2B", BASIC, "Kerjean", "nolwenn", "sentinel", "pres1gned"]
        {
            let at = text.find(secret).map(|at| text[at.saturating_sub(200)..].chars().take(400).collect::<String>());
            assert!(at.is_none(), "{what}: {secret} is in: {}", at.unwrap_or_default());
        }
    }
}

impl io::Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Seen {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Responses of a hostile or careless server that contain the secrets and personal data in many places.
///
/// The first one has a candidates filter in the link to the next page, so it is used for candidates only.
fn replies() -> Vec<Reply> {
    let text = format!("{LOGIN} with {PASSWORD} ({BASIC}) may not see {EMAIL}");
    let person = format!(r#""first_name":"{NAME}","email":"{EMAIL}","latest_cv_url":"https://f.example/x?pres1gned""#);
    let encoded = "S3NT%2BINEL%2Fpass+word";
    let json = |status: u16, body: String| Reply::Json(status, vec![("x-echo", PASSWORD.to_owned())], body);
    vec![
        json(
            200,
            format!(
                r#"{{"_status":"OK","items":[{{"id":7}}],"_next":"/restapi/v1/candidate?last_name={NAME}&pagecursor=2"}}"#
            ),
        ),
        json(
            200,
            format!(r#"{{"_status":"OK","items":[{{"id":7}}],"_next":"/restapi/v1/job?k={encoded}&pagecursor=2"}}"#),
        ),
        json(401, format!("<h1>{text}</h1>")),
        json(403, text.clone()),
        json(404, format!(r#"{{"message":"{text}"}}"#)),
        json(429, text.clone()).header("retry-after", 3_600),
        json(500, text.clone()),
        json(200, format!("<html>{text}</html>")),
        json(200, text.clone()),
        json(200, format!(r#"{{"_status":"INVALID","invalid":{{"email":["{EMAIL}"],"{EMAIL}":1,"{PASSWORD}":2}}}}"#)),
        json(200, format!(r#"{{"_status":"INVALID","invalid":["{EMAIL} {PASSWORD}"],"_actions":["{NAME}"]}}"#)),
        json(200, format!(r#"{{"_status":"OK","id":7,{person}}}"#)),
        json(200, format!(r#"{{"_status":"OK","items":[{{"id":7,{person}}}],"_next":""}}"#)),
        json(200, format!(r#"{{"_status":"OK","items":[{{"id":"{NAME}",{person}}},{{"id":8}}]}}"#)),
        json(200, format!(r#"{{"_status":"OK","items":[{{"id":"{NAME}"}}]}}"#)),
        json(200, format!(r#"{{"_status":"OK","items":[{{"id":7}}],"_next":"https://evil.test/?k={encoded}"}}"#)),
        json(307, String::new()).header("location", format!("https://evil.test/?k={encoded}")),
        Reply::Cut(format!(r#"{{"_status":"OK","items":[{{"id":7,{person}}}]}}"#)),
        Reply::Refused,
    ]
}

async fn walk<T: DeserializeOwned + Send + Debug + 'static>(seen: &Seen, mut pages: jobfeed::PageStream<T>) {
    while let Some(page) = pages.next().await {
        seen.debug(&pages);
        match page {
            Ok(page) => {
                seen.debug(&page);
                seen.debug(&page.items);
                seen.debug(&page.rejected);
                seen.text(&format!("{:?}", page.next_cursor().map(plain)));
            }
            Err(error) => seen.error(&error),
        }
    }
    seen.debug(&pages.cursor().as_ref().map(plain));
}

/// A cursor as text, and the JSON that is encoded in it.
fn plain(cursor: &jobfeed::Cursor) -> String {
    use base64::Engine;
    let text = cursor.to_string();
    let encoded = text.split_once('.').unwrap().1;
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(encoded).unwrap();
    format!("{text} {}", String::from_utf8(json).unwrap())
}

#[tokio::test(start_paused = true)]
async fn no_output_contains_a_sentinel() {
    for (index, reply) in replies().into_iter().enumerate() {
        let seen = Seen::default();
        let subscriber = tracing_subscriber::fmt().with_writer(seen.clone()).with_max_level(tracing::Level::TRACE);
        let guard = tracing::subscriber::set_default(subscriber.finish());
        let script = Script::replies(vec![reply]);
        // A separate host for each response, because a wait applies to all clients of a host.
        let base_url = format!("https://sweep{index}.test/restapi/v1");
        let builder = Client::builder().login(LOGIN, PASSWORD).base_url(base_url);
        let builder = builder.rate_limit(RateLimit::unlimited()).retry(RetryPolicy::default().max_attempts(2));
        let builder = builder.transport(script.clone());
        seen.debug(&builder);
        let api = builder.build().unwrap();
        seen.debug(&api);
        let candidates = api.candidates().last_name(NAME).email(EMAIL).page_size(50);
        seen.debug(&candidates);
        walk(&seen, candidates.clone().pages()).await;
        if index > 0 {
            walk(&seen, api.jobs().pages()).await;
            walk(&seen, api.steps().candidate_email(EMAIL).pages()).await;
            walk(&seen, api.job_applications(3).pages()).await;
        }
        let single = [
            api.candidate(7).send().await.map(|row| format!("{row:?}")),
            api.application(7).send().await.map(|row| format!("{row:?}")),
            api.profile(7).send().await.map(|row| format!("{row:?}")),
            api.follow::<jobfeed::jobaffinity::Note>("/restapi/v1/note/7").send().await.map(|row| format!("{row:?}")),
            api.add_note(7, 8, NAME).unwrap().send().await.map(|row| format!("{row:?}")),
            api.download("/restapi/v1/cv/7?pres1gned").send().await.map(|file| format!("{file:?}")),
            api.apply("/apply/pres1gned", ApplicationForm::new(NAME, NAME, EMAIL, "FR"))
                .send()
                .await
                .map(|row| format!("{row:?}")),
        ];
        for result in single {
            match result {
                Ok(shown) => seen.text(&shown),
                Err(error) => seen.error(&error),
            }
        }
        let store = MemoryStore::new();
        let mut run = candidates.sync_since("k", &store).await.unwrap();
        loop {
            match run.next().await {
                Ok(Some(batch)) => {
                    seen.debug(&batch);
                    batch.commit().await.unwrap();
                }
                Ok(None) => break,
                Err(error) => break seen.error(&error),
            }
        }
        seen.debug(&run);
        seen.text(&format!("{:?}", run.report()));
        seen.text(&store.load("k").await.unwrap().map(|state| state.to_json()).unwrap_or_default());
        drop(guard);
        seen.assert_clean(&format!("reply {index}"));
        let log = script.log.lock().unwrap();
        let host = format!("sweep{index}.test");
        assert!(log.iter().all(|(_, request)| request.uri().host() == Some(&host)), "one origin only");
        assert!(
            log.iter().any(|(_, request)| request.headers().get("authorization").unwrap() == &format!("Basic {BASIC}"))
        );
    }
}
