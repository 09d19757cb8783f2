//! Removes quoted values from the messages of decoders.

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
