//! The report as one page of HTML: nothing is loaded from elsewhere, and every text is escaped.

use jobfeed::jiff::Timestamp;

use super::report::{Ending, EndpointReport, RunReport};

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8883; --soft: #707070; --good: #1a7f37; --bad: #c62f2f; --wait: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --soft: #a0a0a0; --good: #4cc36b; --bad: #ff7b72; --wait: #d8a13a; } }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .5rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); }
tbody tr:not(.more) td { border-top: 1px solid var(--line); }
td:first-child, th:first-child, td:nth-child(2), th:nth-child(2) { text-align: left; }
tr.more td { text-align: left; white-space: normal; padding: 0 .5rem .5rem 1.5rem; overflow-wrap: anywhere; }
.complete { color: var(--good); } .failed { color: var(--bad); } .paused, .note { color: var(--wait); }
pre { font: 13px/1.5 ui-monospace, monospace; overflow-x: auto; margin: .3rem 0; }
";

/// The page of the latest run, with the runs before it, the oldest first.
pub(crate) fn html(latest: &RunReport, runs: &[RunReport]) -> String {
    let simulated = if latest.simulated { " on simulated servers" } else { "" };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Pipeline: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Pipeline: <span class=\"{}\">{}</span></h1>\n<p class=\"soft\">Run of {} UTC{simulated}</p>\n",
        escape(&latest.endings()),
        class(latest.ending),
        escape(&latest.endings()),
        instant(latest.started),
    );
    page += &endpoints(latest);
    page += "<p class=\"soft\">Rows: records received; usual: the median of the runs before. Rejected: records that did not fit; waiting: those in \
             quarantine. Drift: fields that differ from the baseline. Credits: records billed. Times are UTC.</p>\n";
    if !latest.compared.is_empty() {
        let lines: Vec<String> = latest.compared.iter().map(|line| escape(line)).collect();
        page += &["<h2>The table and the servers</h2>\n<pre>", &lines.join("\n"), "</pre>\n"].concat();
    }
    page += &history(runs);
    page + "</body>\n</html>\n"
}

fn endpoints(run: &RunReport) -> String {
    let heads = [
        "Endpoint", "Outcome", "Rows", "Usual", "New", "Removed", "Rejected", "Waiting", "Drift", "Requests", "Waited",
        "Credits", "Next due",
    ];
    let rows: Vec<String> = run.endpoints.iter().map(|endpoint| row(endpoint, heads.len())).collect();
    table(&heads, &rows)
}

fn row(endpoint: &EndpointReport, heads: usize) -> String {
    let ending = format!("<span class=\"{}\">{}</span>", class(endpoint.ending), endpoint.ending.word());
    let retries = if endpoint.retries > 0 { format!(", {} retried", noted(endpoint.retries)) } else { String::new() };
    let waited = if endpoint.waited_seconds >= 0.05 { format!("{:.1} s", endpoint.waited_seconds) } else { none() };
    let usual = endpoint.usual_rows.unwrap_or_default();
    let cells = [
        escape(&endpoint.key),
        ending,
        number(endpoint.rows),
        if endpoint.low_volume { noted(usual) } else { number(usual) },
        number(endpoint.new),
        number(endpoint.removed),
        noted(endpoint.rejected),
        noted(endpoint.waiting),
        noted(endpoint.drift.len() as u64),
        number(endpoint.requests) + &retries,
        waited,
        number(endpoint.credits.unwrap_or_default()),
        endpoint.next_due.map_or_else(none, instant),
    ];
    let mut more = Vec::new();
    if endpoint.ending != Ending::Complete {
        let why = endpoint.error.as_ref().unwrap_or(&endpoint.outcome);
        more.push(format!("<span class=\"{}\">{}</span>", class(endpoint.ending), escape(why)));
    }
    more.extend(endpoint.drift.iter().map(|change| format!("<span class=\"note\">{}</span>", escape(change))));
    let more = more.iter().map(|line| detail(heads, line));
    std::iter::once(cells_row(&cells)).chain(more).collect()
}

/// The runs, the latest first.
fn history(runs: &[RunReport]) -> String {
    let heads = ["Run", "Outcome", "Rows", "New", "Removed", "Rejected", "Drift", "Requests", "Credits"];
    let mut rows = Vec::new();
    for run in runs.iter().rev() {
        let sum = |part: fn(&EndpointReport) -> u64| run.sum(part);
        let cells = [
            instant(run.started),
            format!("<span class=\"{}\">{}</span>", class(run.ending), escape(&run.endings())),
            number(sum(|endpoint| endpoint.rows)),
            number(sum(|endpoint| endpoint.new)),
            number(sum(|endpoint| endpoint.removed)),
            noted(sum(|endpoint| endpoint.rejected)),
            noted(sum(|endpoint| endpoint.drift.len() as u64)),
            number(sum(|endpoint| endpoint.requests)),
            number(sum(|endpoint| endpoint.credits.unwrap_or_default())),
        ];
        rows.push(cells_row(&cells));
        for endpoint in &run.endpoints {
            let note = |note| detail(heads.len(), &[escape(&endpoint.key), ": ".to_owned(), note].concat());
            rows.extend(notes(endpoint).into_iter().map(note));
        }
    }
    format!("<h2>Runs</h2>\n{}", table(&heads, &rows))
}

/// What a person should know of an endpoint in an earlier run.
fn notes(endpoint: &EndpointReport) -> Vec<String> {
    let mut notes = Vec::new();
    if endpoint.ending != Ending::Complete {
        let why = endpoint.error.as_ref().unwrap_or(&endpoint.outcome);
        notes.push(format!("<span class=\"{}\">{}</span>", class(endpoint.ending), escape(why)));
    }
    if endpoint.rejected > 0 {
        let (rejected, waiting) = (endpoint.rejected, endpoint.waiting);
        notes.push(format!("<span class=\"note\">{rejected} rejected, {waiting} wait in quarantine</span>"));
    }
    if endpoint.low_volume {
        let (rows, usual) = (endpoint.rows, endpoint.usual_rows.unwrap_or_default());
        notes.push(format!("<span class=\"note\">{rows} rows, usually {usual}</span>"));
    }
    notes
}

fn table(heads: &[&str], rows: &[String]) -> String {
    let (heads, rows) = (heads.join("</th><th>"), rows.concat());
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><th>{heads}</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn cells_row(cells: &[String]) -> String {
    format!("<tr><td>{}</td></tr>\n", cells.join("</td><td>"))
}

/// A line below a row, over all columns.
fn detail(columns: usize, line: &str) -> String {
    format!("<tr class=\"more\"><td colspan=\"{columns}\">{line}</td></tr>\n")
}

fn class(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::Paused => "paused",
        Ending::Failed | Ending::WrongConfiguration => "failed",
    }
}

fn none() -> String {
    "<span class=\"soft\">–</span>".to_owned()
}

/// A number with separators; a soft dash for none.
fn number(number: u64) -> String {
    if number == 0 {
        return none();
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that is better zero.
fn noted(count: u64) -> String {
    if count == 0 { none() } else { format!("<span class=\"note\">{}</span>", number(count)) }
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_escaped_and_nothing_is_loaded() {
        let hostile = "<script src='https://x.example/'>alert(\"1\")</script> & co";
        let mut endpoint = EndpointReport::failed(hostile, hostile.to_owned());
        endpoint.drift.push(hostile.to_owned());
        let mut run = RunReport::new(true, Timestamp::UNIX_EPOCH, vec![endpoint]);
        run.compared.push(hostile.to_owned());
        let page = html(&run, std::slice::from_ref(&run));
        assert!(!page.contains("<script") && !page.contains("\"1\"") && !page.contains(" & co"), "{page}");
        assert_eq!(page.matches("&lt;script src=&#39;https://x.example/&#39;&gt;").count(), 6);
        for loads in ["<link", "<img", "url(", "@import", "<iframe"] {
            assert!(!page.contains(loads), "{loads}");
        }
    }

    #[test]
    fn numbers_have_separators() {
        let texts = [1, 999, 1_000, 1_234_567].map(number);
        assert_eq!(texts, ["1", "999", "1,000", "1,234,567"]);
    }
}
