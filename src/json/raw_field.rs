//! Reads one field of a JSON object without decoding the others.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A top-level field of a JSON object as text. Stops reading at the field, so a key at the beginning is cheap.
pub(crate) fn field<'j>(object: &'j str, name: &str) -> Option<&'j str> {
    struct Find<'n, 'j> {
        name: &'n str,
        found: Option<&'j str>,
    }
    impl<'j> Visitor<'j> for &mut Find<'_, 'j> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<Cow<'j, str>>()? {
                if key == self.name {
                    self.found = Some(map.next_value::<&'j RawValue>()?.get());
                    return Ok(());
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }
    let mut find = Find { name, found: None };
    // The decoder reports the unread part of the object as an error. The value that was found is still valid.
    let _ = serde_json::Deserializer::from_str(object).deserialize_map(&mut find);
    find.found
}

/// The text of a JSON string or number, from its JSON text.
pub(crate) fn scalar_text(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'-' | b'0'..=b'9' => Some(json.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_at_any_place() {
        assert_eq!(field(r#"{"id":5,"x":1}"#, "id"), Some("5"));
        assert_eq!(field(r#"{"x":{"id":1},"y":[1,"}"],"id" : "a\"b"}"#, "id"), Some(r#""a\"b""#));
        assert_eq!(field(r#"{"x":{"id":1}}"#, "id"), None);
        assert_eq!(field("[1]", "id"), None);
    }
}
