//! Reads one value of a response object, in all the forms that the providers use.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

/// The error of a value, with its key before it.
#[cold]
pub(crate) fn in_field<E: Error>(key: &str, error: &E) -> E {
    E::custom(format_args!("{key}: {error}"))
}

/// A type that can be made from the text of one JSON string or number.
pub(crate) trait FromScalar: for<'a> From<&'a str> + From<String> {}
impl<T: for<'a> From<&'a str> + From<String>> FromScalar for T {}

/// Reads a string or a number as its text.
pub(crate) fn scalar<'de, D: Deserializer<'de>, T: FromScalar>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(ScalarVisitor(PhantomData))
}

/// Reads a string or a number as its text; null and `""` are `None`.
pub(crate) fn empty_as_none<'de, D: Deserializer<'de>, T: FromScalar>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(EmptyAsNone(PhantomData))
}

/// Reads a list; null is an empty one.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(ListVisitor { single: false, item: PhantomData })
}

/// Reads a list, or one object as a list of one; null is an empty list.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(ListVisitor { single: true, item: PhantomData })
}

/// Reads a number, or its text; null and `""` are `None`.
pub(crate) fn number<'de, D: Deserializer<'de>, T: std::str::FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(text) = empty_as_none::<D, String>(deserializer)? else { return Ok(None) };
    // The error must not repeat the text, because it is data of the record.
    text.trim().parse().map(Some).map_err(|_| D::Error::custom("not a number of the expected kind"))
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<'de, T: FromScalar> Visitor<'de> for ScalarVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::from(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<T, E> {
        Ok(T::from(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(Printed::new(format_args!("{number}")).into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Ok(Printed::new(format_args!("{number}")).into())
    }

    // `Debug` of a float is the shortest text that reads back as the same number, with an exponent where that is short.
    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        Ok(Printed::new(format_args!("{number:?}")).into())
    }

    // When another crate of the build enables `serde_json/arbitrary_precision`, numbers come as a map.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let number = serde_json::Number::deserialize(MapAccessDeserializer::new(map))
            .map_err(|_| A::Error::invalid_type(Unexpected::Map, &self))?;
        Ok(T::from(number.to_string()))
    }
}

struct EmptyAsNone<T>(PhantomData<T>);

impl<'de, T: FromScalar> Visitor<'de> for EmptyAsNone<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(if text.is_empty() { None } else { Some(T::from(text)) })
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(if text.is_empty() { None } else { Some(T::from(text)) })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        ScalarVisitor(PhantomData).visit_u64(number).map(Some)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        ScalarVisitor(PhantomData).visit_i64(number).map(Some)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        ScalarVisitor(PhantomData).visit_f64(number).map(Some)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        ScalarVisitor(PhantomData).visit_map(map).map(Some)
    }
}

struct ListVisitor<T> {
    single: bool,
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.single { "a list, an object or null" } else { "a list or null" })
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    // Most lists have one item, and `Vec::push` would allocate memory for four.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let Some(first) = seq.next_element()? else { return Ok(Vec::new()) };
        let mut items = Vec::with_capacity(1);
        items.push(first);
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
        if self.single {
            T::deserialize(MapAccessDeserializer::new(map)).map(|item| vec![item])
        } else {
            Err(A::Error::invalid_type(Unexpected::Map, &self))
        }
    }
}

/// The text of a number, on the stack: the longest float or integer has 24 bytes.
struct Printed {
    bytes: [u8; 32],
    len: usize,
}

impl Printed {
    fn new(number: fmt::Arguments<'_>) -> Self {
        let mut printed = Self { bytes: [0; 32], len: 0 };
        // `write_str` below fails only for a text over 32 bytes, and no number is that long.
        let _ = fmt::write(&mut printed, number);
        printed
    }

    fn into<T: FromScalar>(self) -> T {
        let text = self.bytes.get(..self.len).and_then(|bytes| std::str::from_utf8(bytes).ok());
        T::from(text.unwrap_or_default())
    }
}

impl fmt::Write for Printed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
