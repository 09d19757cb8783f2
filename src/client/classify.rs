//! The error for an answer that is not accepted, and whether another attempt may help.

use super::api_request::ApiRequest;
use super::core::Client;
use super::exchange::MAX_ERROR_BODY;
use super::rate_headers;
use super::response::{AttemptError, Response};
use crate::error::{AnswerError, Call, Error, ServerError, advice, retryable_status};
use crate::json::{self, BodyProblem};

impl Client {
    /// The error for an answer with an error status.
    pub(super) fn status_error(
        &self,
        request: &ApiRequest,
        response: &Response,
        server: Option<Box<ServerError>>,
        call: Call,
    ) -> AttemptError {
        let (call, status) = (Box::new(call), response.status);
        let text = String::from_utf8_lossy(&response.body);
        let codes = server.as_ref().map(|server| server.codes()).unwrap_or_default();
        let message = match json::fields(&response.body).message() {
            _ if request.private => codes,
            Some(message) if codes.is_empty() || message == codes => self.snippet(&message),
            Some(message) => format!("{codes}: {}", self.snippet(&message)),
            // An HTML page has no useful message; the status is enough.
            None if text.trim_start().starts_with('<') => String::new(),
            None => self.snippet(&text),
        };
        let retry_after = rate_headers::retry_after(&response.headers, self.clock().now());
        let retry_after = retry_after.or(server.as_ref().and_then(|server| server.retry_after));
        let advice = (self.inner.settings.advice)(status, server.as_deref()).unwrap_or_else(|| advice(status));
        let error = Error::Status { call, status, message, retry_after, server, advice };
        if retryable_status(status) { AttemptError::transient(error) } else { AttemptError::fatal(error) }
    }

    /// The error for an answer with a success status that cannot be used.
    pub(super) fn answer_error(
        &self,
        request: &ApiRequest,
        response: &Response,
        error: AnswerError,
        call: Call,
    ) -> AttemptError {
        let (call, status) = (Box::new(call), response.status);
        match error {
            AnswerError::Body(problem) => {
                let retry = problem == BodyProblem::Truncated;
                let is_error_object = problem == BodyProblem::ErrorObject;
                let server = if is_error_object { self.server_error(response) } else { None };
                let message = json::fields(&response.body).message().filter(|_| !request.private);
                let text = String::from_utf8_lossy(&response.body);
                let snippet = match (&problem, message) {
                    (BodyProblem::Truncated | BodyProblem::Ignored(_), _) => String::new(),
                    (_, Some(message)) => self.snippet(&message),
                    // A JSON body of an unexpected shape may begin with personal data of records.
                    _ if request.private || text.trim_start().starts_with(['{', '[']) => {
                        server.as_ref().map(|server| server.codes()).unwrap_or_default()
                    }
                    _ => self.snippet(&text),
                };
                let error = Error::Body { call, status, problem, snippet, server };
                AttemptError { error, retry, wait: None }
            }
            AnswerError::AllRejected { rows, reason } => AttemptError::fatal(Error::AllRejected { call, rows, reason }),
            AnswerError::Foreign { link, found } => {
                AttemptError::fatal(Error::ForeignOrigin { call, link, found: self.snippet(&found) })
            }
        }
    }

    /// The content of an error body, when it is a JSON object of at most [`MAX_ERROR_BODY`] bytes.
    pub(super) fn server_error(&self, response: &Response) -> Option<Box<ServerError>> {
        if response.body.len() > MAX_ERROR_BODY {
            return None;
        }
        let text = self.inner.scrubber.without_secrets(&String::from_utf8_lossy(&response.body));
        let fields = json::fields(text.as_bytes());
        (!fields.is_empty()).then(|| Box::new((self.inner.settings.server_error)(&fields)))
    }
}
