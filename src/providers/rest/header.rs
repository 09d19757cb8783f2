//! Headers of requests that are no credentials.

use http::{HeaderName, HeaderValue};

use crate::error::{Error, Result};
use crate::listing::paginate::is_credentials;

/// Checks a header that is no credential. `field` is its name in the error.
pub(super) fn plain_header(field: &str, name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let known = name.parse::<HeaderName>().map_err(|_| Error::invalid(field, name, "the name of a header"))?;
    if is_credentials(known.as_str()) {
        return Err(Error::invalid(field, "(hidden)", "no header of credentials: give them to the client"));
    }
    let value = HeaderValue::try_from(value)
        .map_err(|_| Error::invalid(field, "(hidden)", "a value without control characters"))?;
    Ok((known, value))
}
