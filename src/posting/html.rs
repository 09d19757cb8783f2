//! Plain text of an HTML description.

/// The text of HTML: tags, comments, scripts and styles are left out, blocks become lines, items of lists begin with `- `, entities become
/// characters. Broken HTML is read as far as possible: a tag that does not end is left out with all that follows it.
///
/// The result is text. Escape it before you show it in a page: `&lt;b&gt;` becomes `<b>`.
///
/// ```
/// use jobfeed::posting::html_to_text;
///
/// let html = "<p>We bake <b>at night</b> &amp; sell by day.</p><ul><li>Rye<li>Wheat</ul>";
/// assert_eq!(html_to_text(html), "We bake at night & sell by day.\n- Rye\n- Wheat");
/// assert_eq!(html_to_text("3 < 4 and <broken"), "3 < 4 and");
/// ```
pub fn html_to_text(html: &str) -> String {
    let mut text = Text::default();
    let mut rest = html;
    let mut broken = 0;
    while let Some((before, from)) = rest.find(['<', '&']).map(|at| rest.split_at(at)) {
        text.push(before);
        rest = if let Some((tag, after)) = markup(from, &mut broken) {
            text.tag(&tag);
            after
        } else if let Some((character, after)) = entity(from) {
            text.push(character.encode_utf8(&mut [0; 4]));
            after
        } else {
            let mut characters = from.chars();
            text.push(if characters.next() == Some('<') { "<" } else { "&" });
            characters.as_str()
        };
    }
    text.push(rest);
    text.written
}

/// What is between two words.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Between {
    #[default]
    Nothing,
    Space,
    Line,
}

#[derive(Default)]
struct Text {
    written: String,
    pending: Between,
}

impl Text {
    fn push(&mut self, text: &str) {
        for character in text.chars() {
            if character.is_whitespace() || character.is_control() {
                self.pending = self.pending.max(Between::Space);
                continue;
            }
            let between = std::mem::take(&mut self.pending);
            match between {
                _ if self.written.is_empty() => {}
                Between::Nothing => {}
                Between::Space => self.written.push(' '),
                Between::Line => self.written.push('\n'),
            }
            self.written.push(character);
        }
    }

    fn tag(&mut self, name: &str) {
        match name {
            "p" | "br" | "div" | "ul" | "ol" | "tr" | "table" | "section" | "article" | "header" | "footer" | "hr"
            | "pre" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "dt" | "dd" | "blockquote" => {
                self.pending = Between::Line;
            }
            "li" => {
                self.pending = Between::Line;
                self.push("- ");
            }
            "td" | "th" => self.pending = self.pending.max(Between::Space),
            // The parts of `<<b>b>` must not become a tag.
            _ if self.written.ends_with('<') => self.pending = self.pending.max(Between::Space),
            _ => {}
        }
    }
}

/// After so many tags with broken quotes, quotes are ignored, because each of them costs a search to the end of the text.
const MOST_BROKEN: u32 = 16;

/// The lower-case name of a tag, empty for a closing `li` and for what has no name, and the text after it. `broken` counts the tags whose
/// quotes are broken.
fn markup<'h>(from: &'h str, broken: &mut u32) -> Option<(String, &'h str)> {
    let inside = from.strip_prefix('<')?;
    if let Some(comment) = inside.strip_prefix("!--") {
        return Some((String::new(), comment.split_once("-->").map_or("", |(_, after)| after)));
    }
    if !inside.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) {
        return None;
    }
    let (closing, named) = inside.strip_prefix('/').map_or((false, inside), |named| (true, named));
    let name = named.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
    let after = after_tag(inside, broken);
    match name.as_str() {
        "script" | "style" if !closing => Some((String::new(), after_element(after, &name, broken))),
        "li" if closing => Some((String::new(), after)),
        _ => Some((name, after)),
    }
}

/// The text after the `>` of a tag. One inside a quoted value does not count, unless the quotes are broken so that no other follows.
fn after_tag<'h>(inside: &'h str, broken: &mut u32) -> &'h str {
    let (mut quote, mut last) = (None, ' ');
    let reads_quotes = *broken < MOST_BROKEN;
    let quoted = if reads_quotes { inside } else { "" };
    for (at, character) in quoted.char_indices() {
        match quote {
            Some(open) if open == character => quote = None,
            None if last == '=' && (character == '"' || character == '\'') => quote = Some(character),
            None if character == '>' => return inside.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
        if !character.is_whitespace() {
            last = character;
        }
    }
    *broken = broken.saturating_add(1);
    inside.split_once('>').map_or("", |(_, after)| after)
}

/// The text after the closing tag of an element whose content is not text.
fn after_element<'h>(content: &'h str, name: &str, broken: &mut u32) -> &'h str {
    let closes = |at: usize| {
        let found = content.get(at + 2..at + 2 + name.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    let end = content.match_indices("</").map(|(at, _)| at).find(|&at| closes(at));
    end.and_then(|at| content.get(at + 1..)).map_or("", |closing| after_tag(closing, broken))
}

/// The characters of entities that ads contain; numbers work for all others.
const ENTITIES: &str = "amp& lt< gt> quot\" apos' nbsp\u{a0} ndash– mdash— hellip… bull• middot· lsquo‘ rsquo’ ldquo“ rdquo” laquo« \
    raquo» sbquo‚ bdquo„ euro€ pound£ yen¥ cent¢ sect§ copy© reg® trade™ deg° times× frac12½ auml\u{e4} ouml\u{f6} uuml\u{fc} Auml\u{c4} \
    Ouml\u{d6} Uuml\u{dc} szlig\u{df} agrave\u{e0} aacute\u{e1} acirc\u{e2} atilde\u{e3} aring\u{e5} aelig\u{e6} ccedil\u{e7} egrave\u{e8} \
    eacute\u{e9} ecirc\u{ea} euml\u{eb} iacute\u{ed} icirc\u{ee} iuml\u{ef} ntilde\u{f1} oacute\u{f3} ocirc\u{f4} otilde\u{f5} oslash\u{f8} \
    ugrave\u{f9} uacute\u{fa} ucirc\u{fb} Agrave\u{c0} Eacute\u{c9} Egrave\u{c8} Ccedil\u{c7}";

/// The character of an entity with its semicolon, and the text after it.
fn entity(from: &str) -> Option<(char, &str)> {
    let inside = from.strip_prefix('&')?;
    // The longest name that is known has 6 letters, the longest number 8 characters.
    let (at, _) = inside.char_indices().take(10).find(|(_, character)| *character == ';')?;
    let (name, after) = (inside.get(..at)?, inside.get(at + 1..)?);
    let character = if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16));
        char::from_u32(hex.unwrap_or_else(|| number.parse()).ok()?)?
    } else {
        ENTITIES.split_ascii_whitespace().find_map(|known| {
            let character = known.strip_prefix(name)?;
            let mut characters = character.chars();
            characters.next().filter(|_| characters.as_str().is_empty())
        })?
    };
    Some((character, after))
}
