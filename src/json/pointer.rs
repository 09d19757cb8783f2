//! JSON pointers (RFC 6901): `/data/items/0`, with `~1` for a slash in a name and `~0` for a tilde.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::raw_field::field;

/// The names and indices of a pointer, unescaped; `None` when the text is not a pointer. The empty pointer is the whole document.
pub(crate) fn segments(pointer: &str) -> Option<Vec<Cow<'_, str>>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    pointer.strip_prefix('/')?.split('/').map(unescape).collect()
}

fn unescape(name: &str) -> Option<Cow<'_, str>> {
    let mut pieces = name.split('~');
    let first = pieces.next()?;
    if first.len() == name.len() {
        return Some(Cow::Borrowed(name));
    }
    let mut text = first.to_owned();
    for piece in pieces {
        let (character, rest) = match piece.as_bytes().first()? {
            b'0' => ('~', piece.get(1..)?),
            b'1' => ('/', piece.get(1..)?),
            _ => return None,
        };
        text.push(character);
        text.push_str(rest);
    }
    Some(Cow::Owned(text))
}

/// The JSON text of a value inside a JSON text. No other value is decoded.
pub(crate) fn find<'j>(json: &'j str, path: &[Cow<'_, str>]) -> Option<&'j str> {
    path.iter().try_fold(json.trim_ascii(), |json, name| member(json, name))
}

/// A field of an object, or an element of a list by its index.
fn member<'j>(json: &'j str, name: &str) -> Option<&'j str> {
    if json.starts_with('{') {
        return field(json, name);
    }
    // An index has no sign and no leading zero.
    let index: usize = name.parse().ok().filter(|index: &usize| index.to_string() == name)?;
    let list: Vec<&'j RawValue> = serde_json::from_str(json).ok()?;
    list.get(index).map(|raw| raw.get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn at<'j>(json: &'j str, pointer: &str) -> Option<&'j str> {
        find(json, &segments(pointer)?)
    }

    #[test]
    fn the_examples_of_the_standard_are_found() {
        let json =
            r#" {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, " ": 7, "m~n": 8, "~1": 9}"#;
        let cases = [
            ("/foo", r#"["bar", "baz"]"#),
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/ ", "7"),
            ("/m~0n", "8"),
            ("/~01", "9"),
        ];
        for (pointer, value) in cases {
            assert_eq!(at(json, pointer), Some(value), "{pointer}");
        }
        for absent in ["/foo/2", "/foo/00", "/foo/+0", "/foo/-", "/foo/0/0", "/none", "/foo/bar"] {
            assert_eq!(at(json, absent), None, "{absent}");
        }
        for invalid in ["foo", "/a~", "/a~2b", "~1", "#/foo"] {
            assert_eq!(segments(invalid), None, "{invalid}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(names in proptest::collection::vec("[a~/01é]{0,3}", 0..4), pointer in "(/[a~/01é]{0,3}){0,4}") {
            let value = names.iter().rev().fold(serde_json::json!([1, {"a": 2}]), |inner, name| serde_json::json!({name: inner, "1": [inner]}));
            let json = value.to_string();
            let escaped = names.iter().map(|name| name.replace('~', "~0").replace('/', "~1"));
            let whole = escaped.fold(String::new(), |pointer, name| pointer + "/" + &name);
            for pointer in [pointer, whole] {
                // serde_json reads a tilde that escapes nothing as itself.
                let found = at(&json, &pointer).map(|text| serde_json::from_str::<Value>(text).unwrap());
                if segments(&pointer).is_some() {
                    prop_assert_eq!(found.as_ref(), value.pointer(&pointer), "{}", pointer);
                }
            }
        }
    }
}
