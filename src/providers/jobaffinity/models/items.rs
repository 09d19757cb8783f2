//! Lists that are `{"items": [..]}` or an array, depending on the edition of the reference.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

/// A list inside a record, in either form. Absent and null are empty lists.
///
/// It dereferences to a slice. `Debug` shows only the number of elements.
///
/// ```
/// use jobfeed::jobaffinity::{Items, Organisation};
///
/// let new: Items<Organisation> = serde_json::from_str(r#"{"items": []}"#)?;
/// let old: Items<Organisation> = serde_json::from_str(r#"[{"id": 4}]"#)?;
/// assert_eq!((new.len(), old[0].id), (0, Some(4)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Items<T> {
    /// The elements.
    pub items: Vec<T>,
    /// Other fields beside `items`, such as a second `latest_cv_url` in the steps of an application.
    pub extra: Map<String, Value>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { items: Vec::new(), extra: Map::new() }
    }
}

impl<T> Deref for Items<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<'a, T> IntoIterator for &'a Items<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} items]", self.items.len())
    }
}

impl<T: Serialize> Serialize for Items<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.extra.len()))?;
        map.serialize_entry("items", &self.items)?;
        for (key, value) in &self.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemsVisitor(PhantomData))
    }
}

struct ItemsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemsVisitor<T> {
    type Value = Items<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, an object with `items`, or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Items<T>, E> {
        Ok(Items::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Items { items, extra: Map::new() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Items<T>, A::Error> {
        let mut found = Items::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                found.items = map.next_value::<Option<Vec<T>>>()?.unwrap_or_default();
            } else {
                found.extra.insert(key, map.next_value()?);
            }
        }
        Ok(found)
    }
}
