//! The macros that declare response models: [`model!`], [`open_enum!`] and [`debug_fields!`].
//!
//! `#[serde(flatten)]` would keep unknown fields too, but it first buffers every record in an intermediate tree, which
//! takes several times as long as the decoding itself. The code of [`model!`] reads each key once and stores the value
//! in its field; only unknown keys are copied, into `extra`.

/// Declares a response object: the struct with its `Deserialize`, `Serialize`, `Debug`, `Clone`, `PartialEq`.
///
/// ```text
/// model! {
///     /// A posting.
///     pub struct Posting debug(id, title) {
///         /// Its number.
///         id: u64 = required "id",
///         /// Its title.
///         title: Option<String> = "title",
///         /// When it was published.
///         published: Option<DateTime> = "published" | "date" => empty_as_none,
///         /// Its cities.
///         cities: Vec<City> = "cities" => list,
///     }
/// }
/// ```
///
/// * `debug(..)` is optional: the fields that `Debug` shows, or `debug(none)`.
/// * An absent field is `Default::default()`, or an error that names the field when it is `required`. `|` adds an alias.
/// * The fields have the visibility of the struct, which is `#[non_exhaustive]` and has a last field `extra` for unknown keys
///   (it allocates only when there is one). No other field can be named `extra`.
/// * A field is read by its type's own `Deserialize`, or by the helper after `=>`: any function of the form that
///   `#[serde(deserialize_with)]` takes.
/// * When a key (or a key and its alias) comes twice, the last value is kept. Input that is not an object is an error.
/// * An error in a value is prefixed with the key (`company: id: invalid type ..`). serde can only do that with a
///   new error, so `serde_json::Error::classify` returns `Data` for every error inside a field.
/// * `Serialize` writes all fields under their first key, absent ones as null, then the entries of `extra` on the same level.
/// * `Default` is implemented when no field is required.
macro_rules! model {
    (@empty [] $ty:ty) => { <$ty>::default() };
    (@empty [required] $ty:ty) => { None::<$ty> };

    (@some [] $value:expr) => { $value };
    (@some [required] $value:expr) => { Some($value) };

    (@finish [] $slot:ident $key:literal) => { $slot };
    (@finish [required] $slot:ident $key:literal) => {
        $slot.ok_or_else(|| ::serde::de::Error::missing_field($key))?
    };

    (@read [] $map:ident $ty:ty) => { $map.next_value::<$ty>() };
    (@read [$helper:path] $map:ident $ty:ty) => {{
        struct Helped($ty);
        impl<'de> ::serde::Deserialize<'de> for Helped {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $helper(deserializer).map(Helped)
            }
        }
        $map.next_value::<Helped>().map(|helped| helped.0)
    }};

    (@debug $name:ident [] [$($field:ident)+]) => { $crate::json::model!(@debug $name all [$($field)+ extra]); };
    (@debug $name:ident [none] [$($field:ident)+]) => { $crate::json::debug_fields!($name()); };
    (@debug $name:ident [$($shown:ident)+] [$($field:ident)+]) => { $crate::json::debug_fields!($name($($shown),+)); };
    (@debug $name:ident all [$($field:ident)+]) => {
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))+.finish()
            }
        }
    };

    (@default $name:ident [$([])+] [$($field:ident)+]) => {
        impl Default for $name {
            fn default() -> Self {
                Self { $($field: Default::default(),)+ extra: ::serde_json::Map::new() }
            }
        }
    };
    (@default $name:ident [$($required:tt)+] [$($field:ident)+]) => {};

    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(debug($($shown:ident),+))? {
            $(
                $(#[$field_meta:meta])*
                $field:ident: $ty:ty = $($required:ident)? $key:literal $(| $alias:literal)* $(=> $helper:path)?
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        $vis struct $name {
            $(
                $(#[$field_meta])*
                $vis $field: $ty,
            )+
            /// All other fields of the response, as received.
            $vis extra: ::serde_json::Map<String, ::serde_json::Value>,
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types, reason = "the variants have the names of the fields")]
                enum Key {
                    $($field,)+
                    Unknown,
                }

                // An unknown key is written to this buffer: a `Key` without a text is cheaper to move.
                struct KeyVisitor<'a>(&'a mut String);

                impl ::serde::de::Visitor<'_> for KeyVisitor<'_> {
                    type Value = Key;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("a field name")
                    }

                    fn visit_str<E: ::serde::de::Error>(self, key: &str) -> Result<Key, E> {
                        Ok(match key {
                            $($key $(| $alias)* => Key::$field,)+
                            unknown => {
                                *self.0 = unknown.to_owned();
                                Key::Unknown
                            }
                        })
                    }
                }

                impl<'de> ::serde::de::DeserializeSeed<'de> for KeyVisitor<'_> {
                    type Value = Key;

                    fn deserialize<D: ::serde::Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
                        deserializer.deserialize_identifier(self)
                    }
                }

                struct ObjectVisitor;

                impl<'de> ::serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str(concat!("a ", stringify!($name), " object"))
                    }

                    fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        $(let mut $field = $crate::json::model!(@empty [$($required)?] $ty);)+
                        let mut extra = ::serde_json::Map::new();
                        let mut unknown = String::new();
                        while let Some(found) = map.next_key_seed(KeyVisitor(&mut unknown))? {
                            match found {
                                $(Key::$field => match $crate::json::model!(@read [$($helper)?] map $ty) {
                                    Ok(value) => $field = $crate::json::model!(@some [$($required)?] value),
                                    Err(error) => return Err($crate::json::in_field($key, &error)),
                                },)+
                                Key::Unknown => {
                                    let value = map.next_value()?;
                                    extra.insert(::std::mem::take(&mut unknown), value);
                                }
                            }
                        }
                        Ok($name {
                            $($field: $crate::json::model!(@finish [$($required)?] $field $key),)+
                            extra,
                        })
                    }
                }

                deserializer.deserialize_map(ObjectVisitor)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use ::serde::ser::SerializeMap as _;

                let known = [$($key),+].len();
                let mut map = serializer.serialize_map(Some(known + self.extra.len()))?;
                $(map.serialize_entry($key, &self.$field)?;)+
                for (key, value) in &self.extra {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }

        $crate::json::model!(@debug $name [$($($shown)+)?] [$($field)+]);
        $crate::json::model!(@default $name [$([$($required)?])+] [$($field)+]);
    };
}
pub(crate) use model;

/// Declares a set of codes that the provider may extend: `Known = "code"` variants and `Other(String)`.
///
/// ```text
/// open_enum! {
///     /// The required experience.
///     pub enum Level {
///         /// A first job.
///         Entry = "EN",
///     }
/// }
/// ```
///
/// The enum is `#[non_exhaustive]` and gets `as_str`, `From<&str>`, `From<String>`, `Display`, `Serialize` and
/// `Deserialize` (a string, or a number as its text). For null, wrap it in an `Option`.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $code:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        $vis enum $name {
            $( $(#[$variant_meta])* $variant, )+
            /// A code that this version of the crate does not know, as received.
            Other(String),
        }

        impl $name {
            /// The code that the API uses.
            $vis fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Other(code) => code,
                }
            }

            fn known(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl From<&str> for $name {
            fn from(code: &str) -> Self {
                Self::known(code).unwrap_or_else(|| Self::Other(code.to_owned()))
            }
        }

        impl From<String> for $name {
            fn from(code: String) -> Self {
                Self::known(&code).unwrap_or(Self::Other(code))
            }
        }

        $crate::json::text_traits!($name);
    };
}
pub(crate) use open_enum;

/// `Debug` that shows only these fields: the others may hold personal data or secrets, or are long.
macro_rules! debug_fields {
    ($name:ident($($field:ident),*)) => {
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use debug_fields;

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use crate::json::{empty_as_none, list, one_or_many};

    model! {
        /// A thing with one required field.
        struct Thing debug(id, label) {
            /// Its number.
            id: u64 = required "id",
            /// Its label.
            label: Option<String> = "label" | "title" | "name" => empty_as_none,
            /// Its parts.
            parts: Vec<Part> = "parts" => list,
            /// Its kind.
            kind: Vec<Part> = "kind" => one_or_many,
            /// A colour.
            colour: Option<Colour> = "colour",
        }
    }

    model! {
        /// A part, of which nothing is required.
        struct Part {
            /// Its size.
            size: Option<u8> = "size",
        }
    }

    model! {
        /// An object whose fields `Debug` does not show.
        struct Hidden debug(none) {
            /// A word.
            word: Option<String> = "word",
        }
    }

    open_enum! {
        /// A colour.
        enum Colour {
            /// Red.
            Red = "R",
            /// Blue.
            Blue = "B",
        }
    }

    fn thing(value: Value) -> Thing {
        from_value(value).unwrap()
    }

    fn error(json: &str) -> String {
        serde_json::from_str::<Thing>(json).unwrap_err().to_string()
    }

    #[test]
    fn an_alias_is_the_same_field_and_the_last_value_is_kept() {
        assert_eq!(thing(json!({"id": 1, "title": "a"})).label.as_deref(), Some("a"));
        let twice: Thing = serde_json::from_str(r#"{"id":1,"label":"a","x":1,"id":2,"name":"b","x":2}"#).unwrap();
        assert_eq!((twice.id, twice.label.as_deref(), &twice.extra["x"]), (2, Some("b"), &json!(2)));
        let escaped: Thing = serde_json::from_str(r#"{"\u0069d":3}"#).unwrap();
        assert_eq!(escaped.id, 3);
    }

    #[test]
    fn errors_name_the_field() {
        assert_eq!(error("{}"), "missing field `id` at line 1 column 2");
        assert_eq!(error(r#"{"id":null}"#), "id: invalid type: null, expected u64 at line 1 column 10");
        let nested = error(r#"{"id":1,"parts":[{"size":1},{"size":300}]}"#);
        assert_eq!(nested, "parts: size: invalid value: integer `300`, expected u8 at line 1 column 39");
        assert_eq!(
            error(r#"{"id":1,"parts":{}}"#),
            "parts: invalid type: map, expected a list or null at line 1 column 18"
        );
        assert_eq!(error("[]"), "invalid type: sequence, expected a Thing object at line 1 column 0");
        assert!(error("7").starts_with("invalid type: integer `7`, expected a Thing object"));
        assert!(error("null").starts_with("invalid type: null, expected a Thing object"));
        assert!(error(r#"{"id":1,"label":true}"#).contains("label: invalid type: boolean `true`, expected a string"));
        assert!(error(r#"{"id":1,"label":{"a":1}}"#).contains("label: invalid type: map, expected a string"));
    }

    #[test]
    fn null_empty_and_single_values_are_read() {
        let null = thing(json!({"id": 1, "label": null, "parts": null, "kind": null, "colour": null}));
        assert_eq!(null, thing(json!({"id": 1})));
        assert_eq!(thing(json!({"id": 1, "label": ""})), null);
        assert_eq!(thing(json!({"id": 1, "label": 12.5})).label.as_deref(), Some("12.5"));
        assert_eq!(thing(json!({"id": 1, "kind": {"size": 4}})).kind[0].size, Some(4));
        assert_eq!(thing(json!({"id": 1, "kind": [{"size": 4}, {}]})).kind[1], Part::default());
    }

    #[test]
    fn unknown_codes_are_kept() {
        let colour = |code: &str| from_value::<Colour>(code.into()).unwrap();
        assert_eq!((colour("R"), colour("B")), (Colour::Red, Colour::Blue));
        assert_eq!(colour("r"), Colour::Other("r".to_owned()));
        assert_eq!(Colour::from("R".to_owned()), Colour::Red);
        assert_eq!(to_value(colour("Z")).unwrap(), "Z");
        assert_eq!(format!("{:>3}", Colour::Blue), "  B");
    }

    #[test]
    fn a_written_value_is_read_back() {
        let value = json!({
            "id": 1, "label": "a", "parts": [{"size": 1}], "kind": [{"size": null}], "colour": "B", "new": {"deep": [1]}
        });
        let thing = thing(value.clone());
        assert_eq!(thing.extra["new"]["deep"][0], 1);
        assert_eq!(to_value(&thing).unwrap(), value);
        assert_eq!(from_value::<Thing>(value).unwrap(), thing);
    }

    #[test]
    fn debug_shows_only_the_listed_fields() {
        let thing = thing(json!({"id": 1, "secret": "s", "parts": [{"size": 2}]}));
        assert_eq!(format!("{thing:?}"), "Thing { id: 1, label: None, .. }");
        let hidden: Hidden = from_value(json!({"word": "w"})).unwrap();
        assert_eq!((hidden.word.as_deref(), format!("{hidden:?}").as_str()), (Some("w"), "Hidden { .. }"));
        assert_eq!(format!("{:?}", thing.parts[0]), "Part { size: Some(2), extra: {} }");
    }
}
