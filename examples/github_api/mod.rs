//! The part of GitHub's REST API that the example `github_repos` reads, on loopback, with the documented shapes: repositories of an
//! organization, issues of a repository since an instant, `Link` headers with absolute URLs, `X-RateLimit-*`.

use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::testing::{PageFaults, Received, Reply, Service, Simulator};
use serde_json::{Value, json};

const ORG: &str = "example";
const REPOS: u64 = 130;
const LIMIT: u64 = 5_000;

/// The issues of each repository, by number: when each was changed last.
pub(crate) struct Issues {
    updated: Vec<Timestamp>,
    now: Timestamp,
    requests: u64,
}

pub(crate) struct GitHubApi(Issues);

/// Starts the API with this many issues.
pub(crate) async fn start(issues: u64) -> std::io::Result<Simulator<GitHubApi>> {
    // 2026-01-22T00:00:00Z
    let now = Timestamp::constant(1_769_040_000, 0);
    let mut data = Issues { updated: Vec::new(), now, requests: 0 };
    (0..issues).for_each(|_| data.open());
    Simulator::start(GitHubApi(data)).await
}

impl Issues {
    /// A day later, two issues are opened, and some of the others are changed.
    pub(crate) fn change_some(&mut self) {
        self.now += SignedDuration::from_hours(24);
        (0..2).for_each(|_| self.open());
        for index in [6, 99, 100, 180] {
            self.now += SignedDuration::from_secs(90);
            if let Some(updated) = self.updated.get_mut(index) {
                *updated = self.now;
            }
        }
    }

    fn open(&mut self) {
        self.now += SignedDuration::from_secs(90);
        self.updated.push(self.now);
    }

    fn repos() -> Vec<Value> {
        let repo = |id| json!({ "id": id, "full_name": format!("{ORG}/repo-{id}"), "open_issues_count": id % 7 });
        (1..=REPOS).map(repo).collect()
    }

    /// In the order of creation, those that were changed at or after `since`.
    fn since(&self, since: Option<Timestamp>) -> Vec<Value> {
        let issues = (1..).zip(&self.updated).filter(|(_, updated)| since.is_none_or(|since| **updated >= since));
        let issue = |(number, updated): (u64, &Timestamp)| {
            json!({
                "id": 9_000 + number, "number": number, "title": format!("issue {number}"), "state": "open",
                "updated_at": format!("{updated:.0}"),
            })
        };
        issues.map(issue).collect()
    }
}

impl Service for GitHubApi {
    type Data = Issues;

    fn data(&mut self) -> &mut Issues {
        &mut self.0
    }

    fn is_list(&self, request: &Received) -> bool {
        request.path().ends_with('s')
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        let path: Vec<&str> = request.path().split('/').skip(1).collect();
        let since = request.param("since").map(str::parse::<Timestamp>);
        let rows = match (path.as_slice(), since) {
            (["orgs", ORG, "repos"], _) => Issues::repos(),
            (["repos", ORG, _, "issues"], None) => self.0.since(None),
            (["repos", ORG, _, "issues"], Some(Ok(since))) => self.0.since(Some(since)),
            (_, Some(Err(_))) => return Reply::json(422, r#"{"message":"Validation Failed"}"#),
            _ => return Reply::json(404, r#"{"message":"Not Found"}"#),
        };
        self.0.requests += 1;
        let number = |name: &str| request.param(name).and_then(|text| text.parse::<usize>().ok());
        let size = faults.page_size(number("per_page").unwrap_or(30).clamp(1, 100));
        let page = number("page").unwrap_or(1).max(1);
        let pages = rows.len().div_ceil(size);
        let mut shown: Vec<String> = rows.iter().skip((page - 1) * size).take(size).map(Value::to_string).collect();
        faults.apply(&mut shown, |_| true);
        let others = request.query().iter().filter(|(name, _)| name != "page");
        let others: Vec<String> =
            others.map(|(name, value)| format!("{name}={}&", value.replace(':', "%3A"))).collect();
        let link = |page: usize, rel: &str| {
            format!(r#"<{}{}?{}page={page}>; rel="{rel}""#, request.origin(), request.path(), others.concat())
        };
        let reply = Reply::page("", &shown, "")
            .header("x-ratelimit-limit", &LIMIT.to_string())
            .header("x-ratelimit-remaining", &(LIMIT - self.0.requests).to_string())
            .header("x-ratelimit-reset", "4102444800");
        if page < pages {
            reply.header("link", &[link(page + 1, "next"), link(pages, "last")].join(", "))
        } else {
            reply
        }
    }
}
