//! The id of a job at its applicant tracking system, read from a URL.

use url::Url;

/// The system and the id, such as `lever:6f1c…`. Only forms of URLs that always hold the id are read, so that two jobs never get the same text; where
/// the system numbers the jobs of each customer on their own, the customer is a part of it.
pub(super) fn ats_id(url: &str) -> Option<String> {
    let url = Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    let customer = host.split('.').next()?;
    let parts: Vec<&str> = url.path_segments()?.filter(|part| !part.is_empty()).collect();
    let parameter =
        |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
    // An employer's own site that embeds the board of the system.
    if let Some(id) = parameter("gh_jid").filter(|id| is_number(id)) {
        return Some(format!("greenhouse:{id}"));
    }
    if let Some(id) = parameter("ashby_jid").and_then(|id| uuid(&id)) {
        return Some(format!("ashby:{id}"));
    }
    match (host, parts.as_slice()) {
        (
            "boards.greenhouse.io"
            | "job-boards.greenhouse.io"
            | "boards.eu.greenhouse.io"
            | "job-boards.eu.greenhouse.io",
            parts,
        ) => {
            let id = match parts {
                ["embed", "job_app"] => parameter("token")?,
                [_, "jobs", id, ..] => (*id).to_owned(),
                _ => return None,
            };
            is_number(&id).then(|| format!("greenhouse:{id}"))
        }
        ("jobs.lever.co" | "jobs.eu.lever.co", [_, id, ..]) => Some(format!("lever:{}", uuid(id)?)),
        ("jobs.ashbyhq.com", [_, id, ..]) => Some(format!("ashby:{}", uuid(id)?)),
        ("jobs.smartrecruiters.com", [_, id, ..]) => {
            let id = id.split('-').next().filter(|id| is_number(id))?;
            Some(format!("smartrecruiters:{id}"))
        }
        ("apply.workable.com", [.., "j", id] | [.., "j", id, "apply"]) => {
            let is_id = id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            is_id.then(|| format!("workable:{}", id.to_ascii_uppercase()))
        }
        (host, parts) if host.ends_with(".myworkdayjobs.com") => {
            // `/en-US/Careers/job/Berlin/Data-Engineer_R-1234`; `details` instead of `job`, and `apply` behind it.
            let at = parts.iter().position(|part| matches!(*part, "job" | "details"))?;
            let mut titles = parts.get(at + 1..)?.iter().filter(|part| part.contains('_'));
            let (_, id) = titles.next_back()?.rsplit_once('_')?;
            id.bytes()
                .any(|byte| byte.is_ascii_digit())
                .then(|| format!("workday:{customer}:{}", id.to_ascii_uppercase()))
        }
        (host, ["job", id, ..]) if host.ends_with(".jobs.personio.de") || host.ends_with(".jobs.personio.com") => {
            is_number(id).then(|| format!("personio:{customer}:{id}"))
        }
        (host, ["careers", id, ..]) if host.ends_with(".bamboohr.com") => {
            is_number(id).then(|| format!("bamboohr:{customer}:{id}"))
        }
        (host, ["jobs", id, ..]) if host.ends_with(".icims.com") => {
            is_number(id).then(|| format!("icims:{customer}:{id}"))
        }
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn uuid(text: &str) -> Option<String> {
    uuid::Uuid::try_parse(text).ok().map(|id| id.hyphenated().to_string())
}
