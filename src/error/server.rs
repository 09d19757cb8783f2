//! What a server's body says about an error: its own code, the fields it refused, further details.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::json::{Fields, debug_fields};

/// The longest text that is read as a code, in bytes.
const MAX_CODE: usize = 100;

/// The content of an error answer, in the same form for every provider. From [`crate::Error::server`].
///
/// `Debug` shows codes and field names only, because texts and details may repeat personal data of the request.
///
/// ```
/// # fn handle(error: &jobfeed::Error) {
/// if let Some(server) = error.server() {
///     eprintln!("the server's code is {:?}", server.code);
///     for field in &server.fields {
///         eprintln!("{} was refused: {:?}", field.field, field.code);
///     }
/// }
/// # }
/// ```
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ServerError {
    /// The machine-readable code, such as `JOB_CLOSED`. The providers have open enums for theirs.
    pub code: Option<String>,
    /// The message for a person, as the server wrote it and not shortened. It may repeat personal data of the request.
    pub message: Option<String>,
    /// The fields of the request that were refused.
    pub fields: Vec<FieldError>,
    /// All other fields: those of `details`, and those next to it. May repeat personal data of the request.
    pub details: Map<String, Value>,
    /// How long the body asks to wait, where it does. A `Retry-After` header has priority.
    pub retry_after: Option<Duration>,
    /// Which requests the wait applies to.
    pub wait_scope: WaitScope,
    /// One more rate bucket that the wait applies to, where the body names whose limit is used up. With
    /// [`WaitScope::Client`] it has no effect.
    pub wait_bucket: Option<String>,
}

/// One field of the request that the server refused.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The field of the request, as the server names it, such as `candidate.email`.
    pub field: String,
    /// The machine-readable code.
    pub code: Option<String>,
    /// The message for a person. It may repeat personal data of the request.
    pub message: Option<String>,
}

/// Which requests a server's wait applies to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitScope {
    /// Those of the same rate bucket ([`crate::endpoint::ApiRequest::bucket`]); all of the client if it names none.
    #[default]
    Bucket,
    /// All requests of the client.
    Client,
}

impl ServerError {
    /// Reads the forms that most services use: a code in `code`, or in `error` when that is one word; the message in
    /// `message`, `detail` or a similar field; refused fields in `errors`, at the top level or in `details`, as objects
    /// with `field`, `code` and `message`.
    pub fn read(fields: &Fields) -> Self {
        let mut details = Map::new();
        for (name, value) in fields.values() {
            match (name, value) {
                ("code" | "error" | "message", Value::String(_)) => {}
                ("details", Value::Object(inner)) => details.extend(inner),
                (name, value) => {
                    details.insert(name.to_owned(), value);
                }
            }
        }
        let code = ["code", "error"].iter().find_map(|name| fields.get::<String>(name)).filter(|text| is_code(text));
        let message = fields.message().filter(|text| Some(text) != code.as_ref());
        let refused = details.get("errors").and_then(Value::as_array);
        let fields = refused.into_iter().flatten().filter_map(FieldError::read).collect();
        Self { code, message, fields, details, ..Self::default() }
    }

    /// Codes and field names, without texts that may repeat personal data; empty when there are none.
    pub(crate) fn codes(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(ToString::to_string).collect();
        let code = self.code.as_deref().unwrap_or_default();
        match (code, fields.is_empty()) {
            (code, true) => code.to_owned(),
            ("", false) => fields.join(", "),
            (code, false) => format!("{code} ({})", fields.join(", ")),
        }
    }
}

impl FieldError {
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let code = text("code").filter(|code| is_code(code));
        Some(Self { field: text("field").filter(|field| is_code(field))?, code, message: text("message") })
    }
}

/// Field and code: `candidate.email: INVALID_EMAIL`.
impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        self.code.as_ref().map_or(Ok(()), |code| write!(f, ": {code}"))
    }
}

debug_fields!(FieldError(field, code));

debug_fields!(ServerError(code, fields));

/// Whether a text is a machine-readable code, which is safe to show: at most 100 bytes of letters, digits and `_-.[]`.
pub(crate) fn is_code(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']');
    !text.is_empty() && text.len() <= MAX_CODE && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;

    fn read(json: &str) -> ServerError {
        ServerError::read(&fields(json.as_bytes()))
    }

    #[test]
    fn the_common_forms_are_read() {
        let error = read(
            r#"{"error":"GONE","message":"No.","details":{"id":7,"errors":[{"field":"a.b","code":"BAD"},3]},"x":1}"#,
        );
        assert_eq!((error.code.as_deref(), error.message.as_deref()), (Some("GONE"), Some("No.")));
        assert_eq!(error.fields.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a.b: BAD"]);
        assert_eq!((&error.details["id"], &error.details["x"]), (&7.into(), &1.into()));
        assert_eq!(error.codes(), "GONE (a.b: BAD)");
        let plain = read(r#"{"detail":"Not found."}"#);
        assert_eq!((plain.code, plain.message.as_deref()), (None, Some("Not found.")));
        assert_eq!(read(r#"{"error":"not a code"}"#).code, None);
        assert_eq!(read("<html>"), ServerError::default());
    }

    #[test]
    fn debug_shows_no_text() {
        let error = read(
            r#"{"error":"BAD","message":"Ann Lee","details":{"name":"Ann Lee","errors":[{"field":"n","message":"Ann Lee"}]}}"#,
        );
        assert!(!format!("{error:?}").contains("Ann"), "{error:?}");
    }
}
