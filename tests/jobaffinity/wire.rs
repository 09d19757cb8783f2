//! The exact requests that JobAffinity's client sends, for each endpoint.

use futures::StreamExt;
use jobfeed::jiff::civil::date;
use jobfeed::jobaffinity::{ApplicationForm, Availability, Client, Document, StepStatus, Title};
use jobfeed::{Clock, Error, RateLimit};
use serde_json::{Value, json};

use crate::support::{Reply, Script};

const EMPTY: &str = r#"{"_status":"OK","items":[]}"#;

fn client(script: &Script) -> Client {
    Client::builder()
        .login("ana", "p:w é")
        .rate_limit(RateLimit::unlimited())
        .clock(Clock::fixed("2026-05-01T12:00:00Z".parse().unwrap()))
        .transport(script.clone())
        .build()
        .unwrap()
}

/// The method and target of the last request.
fn sent(script: &Script) -> String {
    let log = script.log.lock().unwrap();
    let (_, request) = log.last().unwrap();
    format!("{} {}", request.method(), request.uri())
}

fn header(script: &Script, name: &str) -> Option<String> {
    let log = script.log.lock().unwrap();
    log.last().unwrap().1.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

fn body(script: &Script) -> Value {
    let log = script.log.lock().unwrap();
    serde_json::from_slice(log.last().unwrap().1.body()).unwrap()
}

macro_rules! sends {
    ($script:ident, $request:expr, $wanted:literal) => {
        $request.send().await.unwrap();
        assert_eq!(sent(&$script), concat!("GET https://jobaffinity.fr", $wanted));
    };
}

#[tokio::test]
async fn each_endpoint_has_its_path_and_its_parameters() {
    let script = Script::replies(vec![Reply::page(EMPTY)]);
    let api = client(&script);
    sends!(script, api.root(), "/restapi/v1");
    sends!(script, api.jobs(), "/restapi/v1/job?limit=100");
    sends!(script, api.jobs().page_size(7).since(3), "/restapi/v1/job?since=3&limit=7");
    sends!(script, api.jobs().default_page_size().param("status", "OPEN"), "/restapi/v1/job?status=OPEN");
    sends!(script, api.job(5), "/restapi/v1/job/5");
    sends!(script, api.job_team(5), "/restapi/v1/job/5/team");
    let applications = api.job_applications(5).last_step_since(date(2026, 3, 1)).last_step_until(date(2026, 3, 9));
    sends!(
        script,
        applications.since(9),
        "/restapi/v1/job/5/application?last_step_since=2026-03-01&last_step_until=2026-03-09&since=9&limit=100"
    );
    let candidates = api.candidates().first_name("Anne Marie").last_name("L&M").email("a+b@c.example");
    sends!(
        script,
        candidates.pool_name("Vivier").pool_name("Été").since(0),
        "/restapi/v1/candidate?first_name=Anne+Marie&last_name=L%26M&email=a%2Bb%40c.example&pool_name=Vivier&pool_name=%C3%89t%C3%A9&since=0&limit=100"
    );
    sends!(script, api.candidate(6), "/restapi/v1/candidate/6");
    sends!(script, api.candidate_applications(6).since(1), "/restapi/v1/candidate/6/application?since=1&limit=100");
    sends!(script, api.application(8), "/restapi/v1/application/8");
    sends!(script, api.profile(8), "/restapi/v1/application/8/profile");
    sends!(script, api.processes(), "/restapi/v1/process");
    sends!(script, api.process(2), "/restapi/v1/process/2");
    let steps = api.steps().candidate_email("a@b.example").job_reference("R 1").step_status(&StepStatus::End);
    sends!(
        script,
        steps.step_name("Embauché"),
        "/restapi/v1/step?candidate_email=a%40b.example&job_reference=R+1&step_status=END&step_name=Embauch%C3%A9&limit=100"
    );
    sends!(script, api.notes().since(4), "/restapi/v1/note?since=4&limit=100");
    sends!(script, api.webhook_tasks(), "/restapi/v1/webhook/task?limit=100");
    sends!(script, api.follow::<Value>("/restapi/changelog"), "/restapi/changelog");
    sends!(script, api.follow::<Value>("https://jobaffinity.fr/restapi/schemav1/jobs"), "/restapi/schemav1/jobs");
    sends!(script, api.follow_list::<Value>("/restapi/v1/candidate?pool=%2f1"), "/restapi/v1/candidate?pool=%2f1");
    // base64("ana:p:w é"), computed with another program.
    assert_eq!(header(&script, "authorization").as_deref(), Some("Basic YW5hOnA6dyDDqQ=="));
    assert_eq!(header(&script, "accept").as_deref(), Some("application/json"));
}

#[tokio::test]
async fn the_next_link_is_sent_unchanged() {
    let page =
        |id: u64, next: &str| Reply::page(&format!(r#"{{"_status":"OK","_next":{next:?},"items":[{{"id":{id}}}]}}"#));
    let script = Script::new(move |index, _| match index {
        0 => page(1, "/restapi/v2/job?pagecursor=a%2Fb%20c+d&x"),
        1 => page(2, "https://jobaffinity.fr/elsewhere?pagecursor=2"),
        _ => Reply::page(r#"{"_status":"OK","_next":"","items":[{"id":3}]}"#),
    });
    let pages: Vec<_> = client(&script).jobs().since(7).page_size(1).pages_as::<Value>().collect().await;
    assert!(pages.len() == 3 && pages.iter().all(|page| page.is_ok()), "{pages:?}");
    let log = script.log.lock().unwrap();
    let sent: Vec<String> = log.iter().map(|(_, request)| request.uri().to_string()).collect();
    assert_eq!(
        sent,
        [
            "https://jobaffinity.fr/restapi/v1/job?since=7&limit=1",
            "https://jobaffinity.fr/restapi/v2/job?pagecursor=a%2Fb%20c+d&x",
            "https://jobaffinity.fr/elsewhere?pagecursor=2",
        ]
    );
}

/// The server may repeat filters in the link. The values are not in cursors and states, but they are sent as received.
#[tokio::test]
async fn a_personal_filter_in_the_next_link_is_sent_as_received() {
    let link =
        "/restapi/v1/candidate?first_name=Ana%20Maria&email=ana.m@d-s.example&last_name=Do%C3%A7&pagecursor=%2f2";
    let script = Script::new(move |index, _| match index {
        0 => Reply::page(&format!(r#"{{"_status":"OK","_next":{link:?},"items":[{{"id":1}}]}}"#)),
        _ => Reply::page(r#"{"_status":"OK","_next":"","items":[{"id":2}]}"#),
    });
    let request = || client(&script).candidates().first_name("Ana Maria").last_name("Doç").email("ana.m@d-s.example");
    let first = request().send().await.unwrap();
    let cursor = first.next_cursor().unwrap().to_string();
    request().resume_from(cursor.parse().unwrap()).send().await.unwrap();
    assert_eq!(sent(&script), format!("GET https://jobaffinity.fr{link}"));
}

/// No parameter of the list of processes is documented.
#[tokio::test]
async fn a_parameter_of_the_processes_is_sent_only_as_a_raw_one() {
    let script = Script::replies(vec![Reply::page(EMPTY)]);
    let api = client(&script);
    sends!(script, api.processes(), "/restapi/v1/process");
    sends!(script, api.processes().param("limit", 50), "/restapi/v1/process?limit=50");
    assert!(matches!(api.jobs().param("limit", 50).send().await, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn writes_send_the_documented_bodies() {
    let script = Script::replies(vec![Reply::page(r#"{"_status":"OK","_actions":[{}]}"#)]);
    let api = client(&script);
    let written = api.add_step(12, 34).unwrap().send().await.unwrap();
    assert_eq!(written.actions.len(), 1);
    assert_eq!(sent(&script), "POST https://jobaffinity.fr/restapi/v1/step");
    assert_eq!(body(&script), json!({"application_id": 12, "process_step_id": 34}));
    assert_eq!(header(&script, "content-type").as_deref(), Some("application/json"));
    assert!(header(&script, "authorization").is_some());

    api.add_note(5, 6, "<b>à rappeler</b>").unwrap().send().await.unwrap();
    assert_eq!(sent(&script), "POST https://jobaffinity.fr/restapi/v1/note");
    assert_eq!(body(&script), json!({"candidate_id": 5, "organisation_id": 6, "text": "<b>à rappeler</b>"}));
}

#[tokio::test]
async fn an_application_is_sent_without_credentials() {
    let script = Script::replies(vec![Reply::page("thank you")]);
    let api = client(&script);
    let form = ApplicationForm::new("Ana", "Dos", "ana@dos.example", "FR")
        .title(&Title::Mrs)
        .url_linkedin("https://linkedin.example/ana")
        .mobile_phone("1")
        .home_phone("2")
        .office_phone("3")
        .address("1 rue")
        .zip_code("75001")
        .town("Paris")
        .availability(Availability::On(date(2026, 5, 2)))
        .cv(Document::new("cv.pdf", "application/pdf", &b"Document content"[..]))
        .require_document("cv");
    let url = "https://jobaffinity.fr/apply/api/tok";
    let applied = api.apply(url, form).send().await.unwrap();
    assert_eq!((applied.status.as_u16(), &applied.body[..]), (200, &b"thank you"[..]));
    assert_eq!(sent(&script), format!("POST {url}"));
    assert_eq!(header(&script, "authorization"), None);
    assert_eq!(
        body(&script),
        json!({
            "version": "1.2", "first_name": "Ana", "last_name": "Dos", "email": "ana@dos.example", "country": "FR",
            "title": "MRS", "url_linkedin": "https://linkedin.example/ana", "mobile_phone": "1", "home_phone": "2",
            "office_phone": "3", "address": "1 rue", "zip_code": "75001", "town": "Paris", "availability": "date",
            "availability_date": "2026-05-02",
            "cv": {"name": "cv.pdf", "mime_type": "application/pdf", "content": "RG9jdW1lbnQgY29udGVudA=="},
        })
    );
    assert!(api.can_apply(url).send().await.unwrap());
    assert_eq!((sent(&script), header(&script, "authorization")), (format!("HEAD {url}"), None));
}

#[tokio::test]
async fn invalid_values_are_refused_before_anything_is_sent() {
    let script = Script::replies(vec![Reply::page(EMPTY)]);
    let api = client(&script);
    let form = || ApplicationForm::new("Ana", "Dos", "ana@dos.example", "FR");
    let url = "https://jobaffinity.fr/apply/api/tok";
    let mut refused = Vec::new();
    macro_rules! refuse {
        ($($call:expr),+ $(,)?) => {$(
            match $call.send().await {
                Err(Error::Invalid { what, .. }) => refused.push(what),
                Err(other) => panic!("{}: {other:?}", stringify!($call)),
                Ok(_) => panic!("{} was sent", stringify!($call)),
            }
        )+};
    }
    refuse!(
        api.jobs().page_size(0),
        api.jobs().page_size(101),
        api.jobs().param("pagecursor", 1),
        api.candidates().first_name(" "),
        api.candidates().email(""),
        api.candidates().pool_name(""),
        api.steps().step_name(""),
        api.steps().candidate_email(""),
        api.job_applications(1).last_step_since(date(2026, 2, 2)).last_step_until(date(2026, 2, 1)),
        api.follow::<Value>("https://evil.example/restapi/v1/job/1"),
        api.follow::<Value>("//evil.example/job/1"),
        api.follow::<Value>("http://jobaffinity.fr/restapi/v1/job/1"),
        api.follow::<Value>("https://me:pw@jobaffinity.fr/restapi/v1/job/1"),
        api.follow_list::<Value>("https://evil.example/x?key=s"),
        api.download("https://evil.example/cv?sig=s"),
        api.apply("https://evil.example/apply/tok", form()),
        api.apply(url, ApplicationForm::new("", "Dos", "a@b.example", "FR")),
        api.apply(url, ApplicationForm::new("Ana", "Dos", "nobody", "FR")),
        api.apply(url, ApplicationForm::new("Ana", "Dos", "a@b.example", "FRA")),
        api.apply(url, ApplicationForm::new(&"é".repeat(51), "Dos", "a@b.example", "FR")),
        api.apply(url, form().version("2.0")),
        api.apply(url, form().version("1.")),
        api.apply(url, form().version("1.0").title(&Title::Mr)),
        api.apply(url, form().version("1.1").url_linkedin("https://l.example")),
        api.apply(url, form().title(&Title::Other("DR".to_owned()))),
        api.apply(url, form().town(&"x".repeat(31))),
        api.apply(url, form().availability(Availability::On(date(2026, 5, 1)))),
        api.apply(url, form().require_document("cv")),
    );
    assert!(matches!(api.add_step(0, 1), Err(Error::Invalid { what, .. }) if what == "application_id"));
    assert!(matches!(api.add_step(1, 0), Err(Error::Invalid { what, .. }) if what == "process_step_id"));
    assert!(matches!(api.add_note(1, 1, " "), Err(Error::Invalid { what, .. }) if what == "text"));
    assert!(matches!(api.add_note(1, 0, "x"), Err(Error::Invalid { .. })));
    assert_eq!(script.requests(), 0, "nothing was sent");
    assert_eq!(
        refused.join(" "),
        "page_size page_size parameter first_name email pool_name step_name candidate_email last_step_since, last_step_until \
         path path path path path path path first_name email country first_name version version version version title \
         town availability_date cv"
    );
    // The limit counts characters, not bytes.
    api.apply(url, ApplicationForm::new(&"é".repeat(50), "Dos", "a@b.example", "fr")).send().await.unwrap();
    for (login, password) in [("", "p"), ("a:b", "p"), ("a", "")] {
        let error = Client::new(login, password).unwrap_err().to_string();
        assert!(!error.contains("a:b"), "{error}");
    }
}
