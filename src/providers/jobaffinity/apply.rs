//! Sending an application to the `apply_url` of a job, without credentials.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::models::Title;
use crate::client::{ApiRequest, Client, Origins, Response, UrlKind};
use crate::error::{Error, Result};
use crate::json::debug_fields;

/// The newest documented version of the form (vendor page: job application submission).
const VERSION: &str = "1.2";

/// The form of an application. Limits are from the vendor page, in characters (inferred). `Debug` shows nothing.
///
/// ```
/// use jobfeed::jobaffinity::{ApplicationForm, Availability, Document, Title};
///
/// let form = ApplicationForm::new("Ada", "Byron", "ada@byron.example", "FR")
///     .title(&Title::Ms)
///     .mobile_phone("+33 6 00 00 00 00")
///     .availability(Availability::OneMonth)
///     .cv(Document::new("cv.pdf", "application/pdf", &b"%PDF-1.7"[..]));
/// # let _ = form;
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent before `apply(..).send()`"]
pub struct ApplicationForm {
    fields: Map<String, Value>,
    availability_date: Option<Date>,
    required: Vec<String>,
}

/// When a candidate can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Availability {
    /// At once.
    Now,
    /// In 15 days.
    FifteenDays,
    /// In a month.
    OneMonth,
    /// In two months.
    TwoMonths,
    /// In three months.
    ThreeMonths,
    /// Later than in three months.
    Later,
    /// The code `ope`, whose meaning is not documented.
    Ope,
    /// Unknown, or not available: the code `na`.
    NotAvailable,
    /// On this day, which must be in the future.
    On(Date),
}

/// A file of an application.
#[derive(Clone)]
pub struct Document {
    name: String,
    mime_type: String,
    content: Bytes,
}

impl Document {
    /// A file with its name, its media type, and its bytes, which are sent as base64. No size limit is documented.
    pub fn new(name: impl Into<String>, mime_type: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self { name: name.into(), mime_type: mime_type.into(), content: content.into() }
    }
}

debug_fields!(Document());

/// The largest lengths of texts, in characters (vendor page).
const LENGTHS: [(&str, usize); 11] = [
    ("first_name", 50),
    ("last_name", 50),
    ("email", 100),
    ("url_linkedin", 255),
    ("office_phone", 30),
    ("mobile_phone", 30),
    ("home_phone", 30),
    ("address", 150),
    ("zip_code", 15),
    ("town", 30),
    ("country", 2),
];

impl ApplicationForm {
    /// The required fields: names, e-mail address, and the country as an ISO 3166-1 code of two letters.
    pub fn new(first_name: &str, last_name: &str, email: &str, country: &str) -> Self {
        let form = Self { fields: Map::new(), availability_date: None, required: Vec::new() };
        let form = form.field("version", VERSION).field("first_name", first_name).field("last_name", last_name);
        form.field("email", email).field("country", country)
    }

    fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The version of the form, `1` or `1.x`; default `1.2`. A title needs 1.1, a `LinkedIn` page 1.2.
    pub fn version(self, version: &str) -> Self {
        self.field("version", version)
    }

    /// The form of address.
    pub fn title(self, title: &Title) -> Self {
        self.field("title", title.as_str())
    }

    /// When the candidate can start.
    pub fn availability(mut self, availability: Availability) -> Self {
        self.availability_date = None;
        let code = match availability {
            Availability::Now => "now",
            Availability::FifteenDays => "15d",
            Availability::OneMonth => "1m",
            Availability::TwoMonths => "2m",
            Availability::ThreeMonths => "3m",
            Availability::Later => ">3m",
            Availability::Ope => "ope",
            Availability::NotAvailable => "na",
            Availability::On(day) => {
                self.availability_date = Some(day);
                "date"
            }
        };
        self.fields.remove("availability_date");
        match self.availability_date {
            Some(day) => self.field("availability", code).field("availability_date", day.to_string()),
            None => self.field("availability", code),
        }
    }

    /// The CV.
    pub fn cv(self, document: Document) -> Self {
        self.document("cv", document)
    }

    /// Another document, with a field name of your choice. The name for the cover letter is not documented.
    pub fn document(self, name: &str, document: Document) -> Self {
        let Document { name: file_name, mime_type, content } = document;
        let content = STANDARD.encode(&content);
        self.field(name, json!({ "name": file_name, "mime_type": mime_type, "content": content }))
    }

    /// Makes this document required before sending, as `cv_required` and `cover_required` of the job feed do.
    pub fn require_document(mut self, name: &str) -> Self {
        self.required.push(name.to_owned());
        self
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    fn check(&self, today: Date) -> Result<()> {
        // The values are personal data, so the errors do not contain them.
        let refuse = |name: &str, rule: &str| Err(Error::invalid(name, "(hidden)", rule));
        for name in ["first_name", "last_name", "email", "country"] {
            if self.text(name).unwrap_or_default().trim().is_empty() {
                return refuse(name, "a text that is not empty");
            }
        }
        for (name, most) in LENGTHS {
            if self.text(name).is_some_and(|text| text.chars().count() > most) {
                return refuse(name, &format!("at most {most} characters"));
            }
        }
        let email = self.text("email").unwrap_or_default();
        if !email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) {
            return refuse("email", "an e-mail address");
        }
        let country = self.text("country").unwrap_or_default();
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return refuse("country", "an ISO 3166-1 code of two letters");
        }
        let version = self.text("version").unwrap_or_default();
        let minor = match version.split_once('.') {
            None if version == "1" => Some(0),
            Some(("1", minor)) if minor.bytes().all(|byte| byte.is_ascii_digit()) => minor.parse::<u32>().ok(),
            _ => None,
        };
        let Some(minor) = minor else { return Err(Error::invalid("version", version, "1, or 1. and a number")) };
        for (name, since) in [("title", 1), ("url_linkedin", 2)] {
            if self.fields.contains_key(name) && minor < since {
                return Err(Error::invalid("version", version, format!("1.{since} or later, for {name}")));
            }
        }
        let titles = ["UNKNOWN", "MR", "MS", "MRS", "MISS"];
        if self.text("title").is_some_and(|title| !titles.contains(&title)) {
            return refuse("title", "one of the documented titles");
        }
        if self.availability_date.is_some_and(|day| day <= today) {
            return refuse("availability_date", "a day in the future");
        }
        match self.required.iter().find(|name| !self.fields.contains_key(name.as_str())) {
            Some(name) => Err(Error::invalid(name.as_str(), "(absent)", "the document that the job feed requires")),
            None => Ok(()),
        }
    }
}

/// Declares the optional texts of the form.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Optional texts.
        impl ApplicationForm {
            $($(#[$doc])*
            pub fn $name(self, text: &str) -> Self {
                self.field(stringify!($name), text)
            })*
        }
    };
}

texts! {
    /// The candidate's `LinkedIn` page, at most 255 characters.
    url_linkedin;
    /// The work telephone, at most 30 characters.
    office_phone;
    /// The mobile telephone, at most 30 characters.
    mobile_phone;
    /// The home telephone, at most 30 characters.
    home_phone;
    /// Street and number, at most 150 characters.
    address;
    /// The postal code, at most 15 characters.
    zip_code;
    /// The town, at most 30 characters.
    town;
}

debug_fields!(ApplicationForm());

/// The request that sends an application. From [`Client::apply`](super::Client::apply).
#[derive(Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct ApplyRequest {
    client: Client,
    url: String,
    form: ApplicationForm,
    origins: Origins,
}

impl ApplyRequest {
    pub(super) fn new(client: Client, url: &str, form: ApplicationForm) -> Self {
        Self { client, url: url.to_owned(), form, origins: Origins::Own }
    }

    /// Allows an `apply_url` on another origin than the client's. By default that is an error, because the form is
    /// personal data.
    pub fn other_origins(mut self) -> Self {
        self.origins = Origins::Any;
        self
    }

    /// Sends the form once, as its outcome cannot be read later. Retried only if the server cannot have accepted it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a field that the server would refuse, before anything is sent; [`Error::OutcomeUnknown`]
    /// if the server may have accepted the form.
    pub async fn send(self) -> Result<Applied> {
        self.form.check(self.client.clock().today())?;
        let post = ApiRequest::post(&self.url, Value::Object(self.form.fields).to_string());
        let request = ApiRequest { private: true, url: UrlKind::Bearer, origins: self.origins, ..post };
        let read = |response: &Response| {
            let (status, headers, body) = (response.status, response.headers.clone(), response.body.clone());
            Ok(Applied { status, headers, body })
        };
        self.client.call("jobaffinity/apply", &request, &|status| status.is_success(), read).await
    }
}

debug_fields!(ApplyRequest());

/// The response to an accepted application. Its content is not documented, so it is unchanged.
#[derive(Clone)]
#[non_exhaustive]
pub struct Applied {
    /// The status, 200 to 299.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. A body with the `_status` `INVALID` is an error instead.
    pub body: Bytes,
}

debug_fields!(Applied(status));

/// The request whether a job can be applied for. From [`Client::can_apply`](super::Client::can_apply).
#[derive(Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct CanApplyRequest {
    client: Client,
    request: ApiRequest,
}

impl CanApplyRequest {
    pub(super) fn new(client: Client, apply_url: &str) -> Self {
        let request = ApiRequest { method: Method::HEAD, url: UrlKind::Bearer, ..ApiRequest::get(apply_url) };
        Self { client, request }
    }

    /// Allows an `apply_url` on another origin than the client's, and redirects to one. By default that is an error.
    pub fn other_origins(mut self) -> Self {
        self.request.origins = Origins::Any;
        self
    }

    /// Sends the `HEAD` request: 2xx is yes, 404 is no (inferred).
    ///
    /// # Errors
    /// Those of [`GetRequest::send`](crate::GetRequest::send), except 404.
    pub async fn send(self) -> Result<bool> {
        let accept = |status: StatusCode| status.is_success() || status == StatusCode::NOT_FOUND;
        let read = |response: &Response| Ok(response.status.is_success());
        self.client.call("jobaffinity/can-apply", &self.request, &accept, read).await
    }
}

debug_fields!(CanApplyRequest());
