//! Keys by which a posting is found in other sources.

use jobfeed::posting::{Confidence, IdentityKind, Location, Posting, RemoteMode};
use proptest::prelude::*;

use super::support::jobdataapi;

fn linked(url: &str) -> Posting {
    let mut posting = Posting::new("test", "jobs", "1");
    posting.apply_url = Some(url.to_owned());
    posting
}

fn keys(url: &str) -> Vec<String> {
    linked(url).identities().into_iter().map(|identity| identity.key).collect()
}

fn ats(url: &str) -> Option<String> {
    keys(url).into_iter().find_map(|key| Some(key.strip_prefix("ats-1:")?.to_owned()))
}

fn page(url: &str) -> Option<String> {
    keys(url).into_iter().find_map(|key| Some(key.strip_prefix("url-1:")?.to_owned()))
}

fn advertised(organisation: &str, title: &str, city: &str, country: &str) -> Posting {
    let mut posting = Posting::new("test", "jobs", "1");
    posting.organisation.name = Some(organisation.to_owned());
    posting.title = Some(title.to_owned());
    let mut place = Location::default();
    place.city = Some(city.to_owned());
    place.set_country(Some(country));
    posting.locations.push(place);
    posting
}

fn words(posting: &Posting) -> Vec<String> {
    posting
        .identities()
        .into_iter()
        .filter(|one| one.kind == IdentityKind::OrganisationTitlePlace)
        .map(|one| one.key)
        .collect()
}

#[test]
fn the_ids_of_known_systems_are_read() {
    let id = "6f1cdd0e-72c4-4e6f-9a3b-0d2f7c1a9b55";
    for (url, expected) in [
        ("https://boards.greenhouse.io/acme/jobs/4012345", "greenhouse:4012345".to_owned()),
        ("https://job-boards.greenhouse.io/acme/jobs/4012345?gh_src=x#app", "greenhouse:4012345".to_owned()),
        ("https://boards.greenhouse.io/embed/job_app?for=acme&token=4012345", "greenhouse:4012345".to_owned()),
        ("https://acme.example/careers/open?gh_jid=4012345", "greenhouse:4012345".to_owned()),
        (&format!("https://jobs.lever.co/acme/{id}/apply?lever-source=X"), format!("lever:{id}")),
        (&format!("https://jobs.eu.lever.co/acme/{}", id.to_uppercase()), format!("lever:{id}")),
        (&format!("https://jobs.ashbyhq.com/Acme%20Labs/{id}/application"), format!("ashby:{id}")),
        (&format!("https://acme.example/jobs?ashby_jid={id}"), format!("ashby:{id}")),
        (
            "https://jobs.smartrecruiters.com/Acme/743999912345678-data-engineer",
            "smartrecruiters:743999912345678".to_owned(),
        ),
        ("https://apply.workable.com/acme/j/1a2B3C4D5E/apply/", "workable:1A2B3C4D5E".to_owned()),
        (
            "https://acme.wd5.myworkdayjobs.com/en-US/Careers/job/Berlin/Data-Engineer_R-1234",
            "workday:acme:R-1234".to_owned(),
        ),
        (
            "https://acme.wd5.myworkdayjobs.com/Careers/details/Data-Engineer_R-1234/apply",
            "workday:acme:R-1234".to_owned(),
        ),
        ("https://rosen.jobs.personio.de/job/1884652?language=de", "personio:rosen:1884652".to_owned()),
        ("https://acme.bamboohr.com/careers/77", "bamboohr:acme:77".to_owned()),
        ("https://careers-acme.icims.com/jobs/5512/night-baker/job", "icims:careers-acme:5512".to_owned()),
    ] {
        assert_eq!(ats(url), Some(expected), "{url}");
    }
}

#[test]
fn what_is_not_surely_an_id_is_none() {
    for url in [
        "https://boards.greenhouse.io/acme",
        "https://jobs.lever.co/acme/not-an-id",
        "https://jobs.ashbyhq.com/Example/f466cecd-8451-4a2b",
        "https://jobs.lever.co.evil.example/acme/6f1cdd0e-72c4-4e6f-9a3b-0d2f7c1a9b55",
        "https://acme.wd5.myworkdayjobs.com/en-US/Careers/job/Berlin/Data_Engineer",
        "https://jobs.example/?token=1",
        "mailto:jobs@acme.example",
        "not a url",
    ] {
        assert_eq!(ats(url), None, "{url}");
    }
}

#[test]
fn a_page_has_one_url() {
    let expected = Some("https://acme.example/jobs/7?a=1&b=2".to_owned());
    for url in [
        "https://acme.example/jobs/7?a=1&b=2",
        "http://www.ACME.example:80/jobs/7/?b=2&utm_source=x&a=1&gclid=y#top",
        "  https://acme.example/jobs/7?b=2&a=1&UTM_Campaign=z&ref=q  ",
        "https://user:pass@acme.example/jobs/7?a=1&b=2&email=ada%40mail.example&prefill=ada%40mail.example",
    ] {
        assert_eq!(page(url), expected, "{url}");
    }
    assert_ne!(page("https://acme.example/jobs/7"), page("https://acme.example/jobs/8"));
    assert_ne!(
        page("https://acme.example/Jobs/a"),
        page("https://acme.example/jobs/a"),
        "servers tell the case of paths apart"
    );
    assert_ne!(
        page("https://acme.example/#/jobs/7"),
        page("https://acme.example/#/jobs/8"),
        "the route of an app is the page"
    );
    assert_ne!(page("https://acme.example:8443/jobs/7"), page("https://acme.example/jobs/7"));
    for none in [
        "https://acme.example/",
        "https://acme.example?utm_source=x",
        "mailto:ada@mail.example",
        "ftp://acme.example/a",
    ] {
        assert_eq!(page(none), None, "{none}");
    }
}

#[test]
fn organisation_title_and_place_are_compared_without_their_spelling() {
    let one = advertised("Nordlicht Bäckerei GmbH & Co. KG", "Night-Baker (m/w/d)", "Bremen", "Germany");
    let other = advertised("NORDLICHT BÄCKEREI", "night baker", "bremen", "DE");
    assert_eq!(words(&one), ["otp-1:nordlicht bäckerei|night baker|bremen|de"]);
    assert_eq!(words(&one), words(&other));
    assert_ne!(
        words(&one),
        words(&advertised("Nordlicht Bäckerei", "Night Baker (part time)", "Bremen", "DE")),
        "not a mark of genders"
    );
    assert_ne!(words(&one), words(&advertised("Nordlicht Bäckerei", "Night Baker", "Bremen", "US")));
    assert_eq!(
        words(&advertised("AG", "Baker", "Bremen", "DE")),
        ["otp-1:ag|baker|bremen|de"],
        "a name is never empty"
    );
}

#[test]
fn each_place_has_a_key_and_a_remote_job_has_its_countries() {
    let mut posting = advertised("Acme", "Baker", "Bremen", "DE");
    posting.locations.extend(advertised("", "", "Lyon", "FR").locations);
    posting.locations.extend(advertised("", "", "Brest", "FR").locations);
    assert_eq!(
        words(&posting),
        ["otp-1:acme|baker|bremen|de", "otp-1:acme|baker|lyon|fr", "otp-1:acme|baker|brest|fr"]
    );
    posting.remote.mode = Some(RemoteMode::Remote);
    assert_eq!(words(&posting), ["otp-1:acme|baker|remote|de", "otp-1:acme|baker|remote|fr"]);
    posting.locations.clear();
    assert!(words(&posting).is_empty(), "without a place there is no key");
}

#[test]
fn the_surest_key_is_first() {
    let mut posting = advertised("Acme", "Baker", "Bremen", "DE");
    posting.url = Some("https://board.example/ads/5".to_owned());
    posting.apply_url = Some("https://boards.greenhouse.io/acme/jobs/4012345".to_owned());
    let identities = posting.identities();
    let confidences: Vec<Confidence> = identities.iter().map(|one| one.confidence).collect();
    assert_eq!(confidences, [Confidence::High, Confidence::Medium, Confidence::Medium, Confidence::Low]);
    let json = serde_json::to_value(&identities[0]).unwrap();
    assert_eq!(json, serde_json::json!({"kind": "ats_id", "key": "ats-1:greenhouse:4012345", "confidence": "high"}));
    let kinds: Vec<String> = jobdataapi(0).identities().iter().map(|one| one.kind.to_string()).collect();
    assert_eq!(kinds, ["url", "organisation_title_place"]);
    assert!(Posting::new("test", "jobs", "1").identities().is_empty());
}

proptest! {
    #[test]
    fn order_case_and_tracking_do_not_matter(
        parameters in proptest::collection::btree_map("[a-d]{1,3}x", "[A-Za-z0-9 é&=]{0,6}", 0..5).prop_map(|map| map.into_iter().collect::<Vec<_>>()),
        tracking in proptest::sample::subsequence(vec!["utm_source", "UTM_medium", "gclid", "gh_src", "lever-source", "fbclid"], 0..5),
        id in 1_u32..1_000_000,
        seed in any::<u64>(),
    ) {
        let url = |host: &str, parameters: &[(String, String)], id: u32| {
            let mut url = url::Url::parse(&format!("https://{host}/jobs/{id}")).unwrap();
            url.query_pairs_mut().extend_pairs(parameters);
            url.to_string()
        };
        let mut shuffled = parameters.clone();
        shuffled.extend(tracking.iter().map(|name| ((*name).to_owned(), "t".to_owned())));
        let turn = usize::try_from(seed % 7).unwrap() % shuffled.len().max(1);
        shuffled.rotate_left(turn);
        let expected = keys(&url("acme.example", &parameters, id));
        prop_assert_eq!(&keys(&url("WWW.Acme.Example", &shuffled, id)), &expected);
        prop_assert_ne!(&keys(&url("acme.example", &parameters, id + 1)), &expected);
    }

    #[test]
    fn other_job_ids_are_other_keys(one in 1_u64..9_999_999, other in 1_u64..9_999_999) {
        prop_assume!(one != other);
        for form in ["https://boards.greenhouse.io/acme/jobs/", "https://a.example/?gh_jid=", "https://acme.jobs.personio.de/job/",
            "https://jobs.smartrecruiters.com/Acme/", "https://acme.wd1.myworkdayjobs.com/x/job/y/Baker_R"] {
            let (one, other) = (keys(&format!("{form}{one}")), keys(&format!("{form}{other}")));
            prop_assert!(!one.is_empty() && one.iter().all(|key| !other.contains(key)), "{one:?} {other:?}");
        }
    }

    #[test]
    fn no_url_makes_it_panic(url in ".*", path in "[ -~]{0,30}") {
        keys(&url);
        keys(&format!("https://jobs.lever.co/{path}"));
    }
}
