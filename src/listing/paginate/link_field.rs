//! The `Link` header field (RFC 8288), as strict as its grammar. Known crates split it at commas and semicolons first, which are
//! allowed in URLs and in quoted texts, or ignore what they cannot read.

use std::borrow::Cow;

/// One link of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link<'f> {
    /// What is between the angle brackets, not resolved.
    pub(super) target: &'f str,
    /// The first `rel`: relation types, separated by spaces.
    rel: Option<Cow<'f, str>>,
    /// Whether the link begins at another resource than the one that was requested.
    pub(super) anchored: bool,
}

impl Link<'_> {
    /// Whether it has this relation type, in upper or lower case.
    pub(super) fn has_rel(&self, name: &str) -> bool {
        self.rel.iter().any(|rel| rel.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case(name)))
    }
}

/// Reads the links of one field line; `None` when it does not follow the grammar.
pub(super) fn links(field: &str) -> Option<Vec<Link<'_>>> {
    let mut reader = Reader { rest: field };
    let mut links = Vec::new();
    loop {
        // Elements of a list may be empty.
        while reader.skip(',') {}
        if reader.rest.is_empty() {
            return Some(links);
        }
        links.push(reader.link()?);
        if !reader.rest.is_empty() && !reader.skip(',') {
            return None;
        }
    }
}

struct Reader<'f> {
    rest: &'f str,
}

impl<'f> Reader<'f> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Moves past this character and the white space around it, when it is next.
    fn skip(&mut self, wanted: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                self.skip_space();
                true
            }
            None => false,
        }
    }

    fn link(&mut self) -> Option<Link<'f>> {
        let (target, rest) = self.rest.strip_prefix('<')?.split_once('>')?;
        if target.contains(|c: char| c.is_whitespace() || c == '<' || c == '"') {
            return None;
        }
        self.rest = rest;
        let mut link = Link { target, rel: None, anchored: false };
        while self.skip(';') {
            // A semicolon without a parameter is not in the grammar, but common.
            if self.rest.is_empty() || self.rest.starts_with([',', ';']) {
                continue;
            }
            let name = self.token()?;
            let value = if self.skip('=') { self.value()? } else { Cow::Borrowed("") };
            if name.eq_ignore_ascii_case("rel") {
                // Of several, the first one counts.
                link.rel.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("anchor") {
                link.anchored = true;
            }
        }
        Some(link)
    }

    fn value(&mut self) -> Option<Cow<'f, str>> {
        if self.rest.starts_with('"') { self.quoted() } else { self.token().map(Cow::Borrowed) }
    }

    fn token(&mut self) -> Option<&'f str> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.rest.find(|c| !is_token(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    fn quoted(&mut self) -> Option<Cow<'f, str>> {
        let inner = self.rest.strip_prefix('"')?;
        let mut characters = inner.char_indices();
        let mut text = String::new();
        let mut escaped = false;
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = inner.get(at + 1..)?;
                    let plain = inner.get(..at)?;
                    return Some(if escaped { Cow::Owned(text) } else { Cow::Borrowed(plain) });
                }
                '\\' => {
                    escaped = true;
                    text.push(characters.next()?.1);
                }
                other => text.push(other),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(field: &str) -> Option<Vec<&str>> {
        Some(
            links(field)?
                .into_iter()
                .filter(|link| link.has_rel("next") && !link.anchored)
                .map(|link| link.target)
                .collect(),
        )
    }

    #[test]
    fn links_are_read_in_every_form_of_the_grammar() {
        let fields = [
            (r#"<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last""#, vec!["https://a/?page=2"]),
            ("<?p=2>;rel=next", vec!["?p=2"]),
            (r#"<x>; rel="last", <y>; rel="start NEXT""#, vec!["y"]),
            (r#"<a,b;c?d=1,2>; title="one, two; rel=last >, <z>"; rel=next"#, vec!["a,b;c?d=1,2"]),
            (r#"<x>; title="a \"quoted\"; rel=next"; rel=last"#, vec![]),
            ("<x> ; Rel = next ; crossorigin", vec!["x"]),
            ("<x>; crossorigin; rel=next", vec!["x"]),
            (r#", <x>; rel="prev",, <y>; rel="next" ,"#, vec!["y"]),
            ("<x>; rel=last; rel=next", vec![]),
            (r##"<x>; rel=next; anchor="#other""##, vec![]),
            ("<x>; rel*=next", vec![]),
            (r#"<x>; rel="nextpage""#, vec![]),
            ("<x>; rel=\"n\\ext\";", vec!["x"]),
            ("<>; rel=next", vec![""]),
            ("", vec![]),
        ];
        for (field, wanted) in fields {
            assert_eq!(next(field), Some(wanted), "{field}");
        }
        for damaged in [
            "x; rel=next",
            "<x; rel=next",
            "<x>; rel=\"next",
            "<x> rel=next",
            "<x>; rel=next <y>; rel=last",
            "<x>; =next",
            "<x y>; rel=next",
            "<x>; rel=\"next\\",
            "<x>; rel=",
        ] {
            assert_eq!(links(damaged), None, "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(field: String) {
            let _ = links(&field);
        }

        #[test]
        fn reads_what_was_written(written in proptest::collection::vec(("[!#-;=?-~]{0,12}", "[a-z]{1,5}", "\\PC{0,12}", any::<bool>()), 0..5)) {
            let field: Vec<String> = written.iter().map(|(target, rel, title, quoted)| {
                let title = title.replace('\\', "\\\\").replace('"', "\\\"");
                let rel = if *quoted { format!("\"{rel}\"") } else { rel.clone() };
                format!("<{target}>; title=\"{title}\"; rel={rel}")
            }).collect();
            let field = field.join(", ");
            let read = links(&field).unwrap();
            prop_assert_eq!(read.len(), written.len());
            for (link, (target, rel, ..)) in read.iter().zip(&written) {
                prop_assert_eq!(link.target, target);
                prop_assert!(link.has_rel(rel));
            }
        }
    }
}
