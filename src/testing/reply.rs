//! What a simulated provider sends back.

use std::borrow::Borrow;

use bytes::Bytes;

/// The reply of a [`Service`](super::Service) to a request.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) rows: u64,
}

impl Reply {
    /// A JSON text with a status.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json", body.into())
    }

    /// An HTML text with a status.
    pub fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "text/html; charset=utf-8", body.into())
    }

    /// `{"detail": text}` with a status.
    pub fn detail(status: u16, text: &str) -> Self {
        Self::json(status, serde_json::json!({ "detail": text }).to_string())
    }

    /// A page with status 200: the JSON texts of `rows` as an array between `before` and `after`. The rows are counted.
    pub fn page<T: Borrow<str>>(before: &str, rows: &[T], after: &str) -> Self {
        let size = rows.iter().map(|row| row.borrow().len() + 1).sum::<usize>();
        let mut body = String::with_capacity(before.len() + size + after.len() + 2);
        body.push_str(before);
        body.push('[');
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            body.push_str(row.borrow());
        }
        body.push(']');
        body.push_str(after);
        Self::json(200, body).rows(rows.len())
    }

    fn new(status: u16, content_type: &str, body: Bytes) -> Self {
        Self { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body, rows: 0 }
    }

    /// Adds a header, or replaces the one of this name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// States how many rows the body holds, for the count of what was served. Default 0.
    #[must_use]
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows as u64;
        self
    }

    /// Whether the status is one from 200 to 299.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
