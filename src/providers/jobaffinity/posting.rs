//! The details of a job as a [`Posting`].

use super::models::{Address, Job, JobStatus, Moment};
use crate::json::Decimal;
use crate::posting::{self, EmploymentType, Location, Posting, PostingStatus, filled};

/// The members that have a field of a posting, those that are only about the API, and those about the employer's staff.
const MAPPED: [&str; 21] = [
    "id",
    "_self",
    "_schema",
    "_status",
    "_actions",
    "title",
    "status",
    "applications",
    "reference",
    "location",
    "address",
    "description",
    "creation_date",
    "owner",
    "contract_type",
    "organisation",
    "process",
    "team",
    "employer_description",
    "position_description",
    "profile_description",
];

/// From the details of a job ([`Client::job`](super::Client::job)): a job of a list has its id and its title only (vendor page).
///
/// * There is no public link, no publication date and no salary (vendor page). The id is empty when the record has none.
/// * `organisation` is the owner of the job; with a `client` it recruits for others (vendor page: an agency's client), and the client is in
///   `extra`, because its name may not be public.
/// * The HTML is `description`, or else the three parts of the ad in the order employer, position, profile (inferred).
/// * The contract types are the customer's: `CDD` and `Intérim` are temporary, `Stage` is an internship, others are as received (inferred).
/// * `DRAFT` and `PENDING_APPROVAL` are drafts, `PUBLISHED` is open, `CLOSED` and `ARCHIVED` are closed (inferred from their names).
impl From<&Job> for Posting {
    fn from(job: &Job) -> Self {
        let id = job.id.map(|id| id.to_string()).unwrap_or_default();
        let mut posting = Self::new("jobaffinity", "jobs", id);
        posting.extra = posting::extra(job, &MAPPED);
        posting.reference = filled(job.reference.as_deref());
        posting.title = filled(job.title.as_deref());
        let parts = [&job.employer_description, &job.position_description, &job.profile_description];
        let parts: Vec<String> = parts.into_iter().filter_map(|part| filled(part.as_deref())).collect();
        let ad = filled(job.description.as_deref()).unwrap_or_else(|| parts.join("\n"));
        posting.describe(Some(&ad), None);
        if let Some(organisation) = &job.organisation {
            posting.organisation.name = filled(organisation.name.as_deref());
            posting.organisation.id = organisation.id.map(|id| id.to_string());
        }
        posting.organisation.agency = job.client.is_some().then_some(true);
        posting.locations =
            job.place().map(location).into_iter().filter(|place| *place != Location::default()).collect();
        if let Some(contract) = &job.contract_type {
            let words = [&contract.abbreviation, &contract.name];
            for word in words.into_iter().filter_map(|word| filled(word.as_deref())) {
                if posting.employment_types.is_empty() {
                    posting.employment_types.push(employment_type(&word));
                }
                posting.employment_types_raw.push(word);
            }
        }
        let created = job.creation_date.as_ref();
        posting.created = created.and_then(Moment::timestamp);
        posting.created_day = created.and_then(Moment::date).filter(|_| posting.created.is_none());
        if let Some(unreadable) = created.filter(|created| created.date().is_none()) {
            posting.extra.insert("creation_date".to_owned(), unreadable.as_str().into());
        }
        posting.status_raw = job.status.as_ref().map(ToString::to_string);
        posting.status = job.status.as_ref().map(|status| match status {
            JobStatus::Draft | JobStatus::PendingApproval => PostingStatus::Draft,
            JobStatus::Published => PostingStatus::Open,
            JobStatus::Closed | JobStatus::Archived => PostingStatus::Closed,
            JobStatus::Other(status) => PostingStatus::Other(status.clone()),
        });
        posting
    }
}

fn employment_type(word: &str) -> EmploymentType {
    match word.to_lowercase().as_str() {
        "cdd" | "intérim" | "interim" | "ctt" => EmploymentType::Temporary,
        "stage" => EmploymentType::Intern,
        _ => EmploymentType::read(word),
    }
}

fn location(address: &Address) -> Location {
    let mut place = Location {
        street: filled(address.address.as_deref()),
        city: filled(address.town.as_deref()),
        postal_code: filled(address.postal_code()),
        latitude: address.latitude.as_ref().and_then(Decimal::to_f64),
        longitude: address.longitude.as_ref().and_then(Decimal::to_f64),
        ..Location::default()
    };
    place.set_country(address.country.as_deref());
    place
}
