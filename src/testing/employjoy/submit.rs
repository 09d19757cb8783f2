//! `POST /applications`: idempotency by key and bytes, and the documented checks.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::data::Attempt;
use super::routes::{PartnerService, error};
use crate::testing::received::Received;
use crate::testing::reply::Reply;

/// How long an idempotency key is kept.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// The checked texts: the field, the most characters, and whether it is required. Whether the vendor counts characters or bytes,
/// and the codes of these refusals, are not documented.
const LENGTHS: [(&str, usize, bool); 6] = [
    ("jobId", usize::MAX, true),
    ("candidate.firstName", 100, true),
    ("candidate.lastName", 100, true),
    ("candidate.phone", usize::MAX, true),
    ("source", 100, false),
    ("sourceApplicationId", 128, false),
];

/// Where a field is in the body.
fn pointer(field: &str) -> String {
    format!("/{}", field.replace('.', "/"))
}

impl PartnerService {
    pub(super) fn submit(&mut self, request: &Received) -> Reply {
        let key = request.header("idempotency-key").map(str::to_owned);
        self.data.attempts.push(Attempt { key: key.clone(), body: request.body().clone() });
        let Some(key) = key else {
            let message = "Idempotency-Key header is required for POST requests.";
            return error(422, "IDEMPOTENCY_KEY_REQUIRED", message, &Value::Null);
        };
        let now = self.data.now();
        match self.data.keys.get(&key) {
            Some((_, _, at)) if now.duration_since(*at) > KEY_LIFE => {}
            Some((body, reply, _)) if body == request.body() => return Reply::json(201, reply.clone()),
            Some(_) => {
                let message = "This Idempotency-Key was used with a different request body.";
                return error(422, "IDEMPOTENCY_KEY_REUSED", message, &Value::Null);
            }
            None => {}
        }
        match self.accept(request) {
            Ok(reply) => {
                self.data.keys.insert(key, (request.body().clone(), reply.clone(), now));
                Reply::json(201, reply)
            }
            Err(refusal) => refusal,
        }
    }

    fn accept(&mut self, request: &Received) -> Result<String, Reply> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let text = |path: &str| body.pointer(path).and_then(Value::as_str);
        let mut errors = Vec::new();
        let mut refuse = |field: &str, code: &str| {
            // As the real service may do, the message repeats what was sent.
            let sent = text(&pointer(field)).unwrap_or_default();
            errors.push(json!({ "field": field, "code": code, "message": format!("{field} is not valid: {sent}") }));
        };
        for (field, most, required) in LENGTHS {
            let length = text(&pointer(field)).map_or(0, |text| text.chars().count());
            if required && length == 0 {
                refuse(field, "REQUIRED");
            } else if length > most {
                refuse(field, "TOO_LONG");
            }
        }
        if body.get("resumeUrl").is_some() && text("/resumeUrl").is_none_or(|url| url::Url::parse(url).is_err()) {
            refuse("resumeUrl", "INVALID_URL");
        }
        // Stricter than the client: a host without a dot is refused here.
        let host = text("/candidate/email").and_then(|email| email.split_once('@')).map(|(_, host)| host);
        if host.is_none_or(|host| !host.contains('.')) {
            refuse("candidate.email", "INVALID_EMAIL");
        }
        if body.get("consentToContact") != Some(&Value::Bool(true)) {
            refuse("consentToContact", "CONSENT_REQUIRED");
        }
        if !errors.is_empty() {
            let message = "One or more fields failed validation.";
            return Err(error(422, "VALIDATION_ERROR", message, &json!({ "errors": errors })));
        }
        let job_id = text("/jobId").unwrap_or_default();
        let Some(job) = self.data.jobs.iter().find(|job| job.id == job_id) else {
            return Err(error(404, "JOB_NOT_FOUND", "Job not found.", &json!({ "jobId": job_id })));
        };
        let company = job.company.id.clone();
        if self.data.is_revoked(&company) {
            let message = "Partner access to this company has been revoked.";
            return Err(error(403, "ACCESS_REVOKED", message, &json!({ "companyId": company })));
        }
        if job.status != "open" {
            let details = json!({ "jobId": job_id, "status": job.status });
            return Err(error(409, "JOB_CLOSED", "Job is not accepting applications.", &details));
        }
        let source = text("/sourceApplicationId").map(str::to_owned);
        let known = self.data.applications.iter().any(|row| row.source_application_id == source);
        if source.is_some() && known {
            let message = "An application with this sourceApplicationId already exists for this partner.";
            let details = json!({ "sourceApplicationId": source });
            return Err(error(409, "DUPLICATE_SOURCE_APPLICATION_ID", message, &details));
        }
        let job_id = job_id.to_owned();
        let row = self.data.insert_application(&job_id, &company, source);
        let reply = json!({
            "id": row.id, "sourceApplicationId": row.source_application_id, "jobId": row.job_id,
            "status": row.status, "createdAt": row.submitted_at,
        });
        Ok(reply.to_string())
    }
}
