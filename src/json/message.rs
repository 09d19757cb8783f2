//! Why a record could not be decoded: the field and the message of the decoder, without values of the record.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

/// The longest name of a field that is shown, in bytes.
const LONGEST_NAME: usize = 64;

/// Why this record does not fit the record type, with the path of the field where that is known.
///
/// The record is decoded again, because following the path costs too much for every record.
pub(crate) fn reason<T: DeserializeOwned>(record: &RawValue, error: &serde_json::Error) -> String {
    let message = without_quoted_values(&error.to_string());
    let mut deserializer = serde_json::Deserializer::from_str(record.get());
    let path = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => path_text(error.path()),
        Ok(_) => String::new(),
    };
    // Our own models put the names of the fields into the message.
    let first = path.split(['.', '[']).next().unwrap_or_default();
    if path.is_empty() || message.strip_prefix(first).is_some_and(|rest| rest.starts_with(": ")) {
        return message;
    }
    format!("{path}: {}", without_position(&message))
}

/// The path of a field, such as `company.offices[2].city`; empty when it is not known.
fn path_text(path: &Path) -> String {
    let mut out = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "[{index}]");
                continue;
            }
            Segment::Map { key } if is_field_name(key) => key,
            Segment::Enum { variant } => variant,
            Segment::Map { .. } | Segment::Unknown => "…",
        };
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(name);
    }
    out
}

/// Whether a key looks like the name of a field. In a map, keys are data of the record, such as an address or a name.
fn is_field_name(key: &str) -> bool {
    key.len() <= LONGEST_NAME
        && key.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The message without the position at its end: the field says more than a column.
fn without_position(message: &str) -> &str {
    match message.rsplit_once(" at line ") {
        Some((before, position)) if position.contains(" column ") => before,
        _ => message,
    }
}

/// The words before a value in backticks in a decoder's message.
const BEFORE_VALUES: [&str; 6] =
    ["unknown variant ", "unknown field ", "integer ", "floating point ", "boolean ", "character "];

/// A decoder's message without the values it quotes: errors must not repeat data of the record.
pub(crate) fn without_quoted_values(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(at);
        out.push_str(before);
        let backtick = quoted.starts_with('`');
        let value = backtick && BEFORE_VALUES.iter().any(|words| before.ends_with(words));
        let text = quoted.get(1..).unwrap_or_default();
        let end = if !backtick {
            closing_quote(text)
        } else if value {
            // The value may itself hold a backtick.
            text.rfind("`, expected ").or_else(|| text.rfind('`'))
        } else {
            text.find('`')
        };
        let Some(end) = end else {
            // The quote has no end, so all text after it may be a value.
            out.push('…');
            return out;
        };
        if backtick && !value {
            out.push_str(quoted.get(..end + 2).unwrap_or_default());
        } else {
            out.push_str(if backtick { "`…`" } else { "\"…\"" });
        }
        rest = text.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Where a text in double quotes ends; a backslash escapes the next character.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_are_removed() {
        assert_eq!(
            without_quoted_values("invalid type: string \"Jane\", expected u64 at line 1"),
            "invalid type: string \"…\", expected u64 at line 1"
        );
        assert_eq!(without_quoted_values("a \"cut quote"), "a …");
        assert_eq!(without_quoted_values(r#"string "a\"key jane" here"#), "string \"…\" here");
        assert_eq!(
            without_quoted_values("unknown variant `KEY`, expected `A` or `B`"),
            "unknown variant `…`, expected `A` or `B`"
        );
        assert_eq!(
            without_quoted_values("title: invalid type: integer `4917`, expected a string at line 1"),
            "title: invalid type: integer `…`, expected a string at line 1"
        );
        assert_eq!(
            without_quoted_values("unknown variant `x`jane`, expected `A` or `B`"),
            "unknown variant `…`, expected `A` or `B`"
        );
        assert_eq!(without_quoted_values("missing field `id` at line 1"), "missing field `id` at line 1");
    }
}
