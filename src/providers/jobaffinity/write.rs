//! The body of a call that changes something.

use serde::Serialize;

use crate::client::ApiRequest;
use crate::error::{Error, Result};

/// A `POST` of personal data, serialised once.
pub(super) fn json_post(path: &str, body: &impl Serialize) -> Result<ApiRequest> {
    let json =
        serde_json::to_vec(body).map_err(|_| Error::invalid("body", "(hidden)", "a value that JSON can hold"))?;
    Ok(ApiRequest { private: true, ..ApiRequest::post(path, json) })
}
