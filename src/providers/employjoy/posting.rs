//! A job as a [`Posting`].

use super::models::{CompensationKind, Job, JobStatus, Schedule};
use crate::posting::{
    self, Location, Posting, PostingStatus, Salary, SalaryBasis, SalaryUnit, amount, filled, instant, named_extra,
};

const MAPPED: [&str; 9] =
    ["id", "title", "company", "location", "compensation", "schedule", "status", "createdAt", "updatedAt"];

/// * The API has no description, no URL and no publication date (vendor page); `createdAt` is not one.
/// * `openings` is the headcount without those who are hired (vendor page; the difference is inferred).
/// * A compensation without an amount is in `extra`.
impl From<&Job> for Posting {
    fn from(job: &Job) -> Self {
        let mut posting = Self::new("employjoy", "jobs", job.id.as_str());
        posting.extra = posting::extra(job, &MAPPED);
        posting.title = filled(job.title.as_deref());
        if let Some(company) = &job.company {
            posting.organisation.name = filled(company.name.as_deref());
            posting.organisation.id = filled(company.id.as_deref());
            named_extra(&mut posting.extra, "company", &company.extra);
        }
        if let Some(location) = &job.location {
            let (city, region) = (filled(location.city.as_deref()), filled(location.state.as_deref()));
            let mut place = Location { city, region, ..Location::default() };
            place.set_country(location.country.as_deref());
            if place != Location::default() {
                posting.locations.push(place);
            }
            named_extra(&mut posting.extra, "location", &location.extra);
        }
        if let Some(pay) = &job.compensation {
            posting.salary = Salary::of(amount(pay.min.as_ref()), amount(pay.max.as_ref()), SalaryBasis::Stated);
            if let Some(salary) = &mut posting.salary {
                salary.currency = filled(pay.currency.as_deref());
                salary.unit = pay.kind.as_ref().map(|kind| match kind {
                    CompensationKind::Hourly => SalaryUnit::Hour,
                    CompensationKind::Other(unit) => SalaryUnit::Other(unit.clone()),
                });
                named_extra(&mut posting.extra, "compensation", &pay.extra);
            } else {
                named_extra(&mut posting.extra, "compensation", &posting::extra(pay, &[]));
            }
        }
        posting.employ(job.schedule.iter().map(Schedule::as_str));
        posting.created = instant(&mut posting.extra, "createdAt", job.created_at.as_ref());
        posting.updated = instant(&mut posting.extra, "updatedAt", job.updated_at.as_ref());
        posting.openings =
            job.headcount.as_ref().and_then(|count| Some(count.total?.saturating_sub(count.filled.unwrap_or(0))));
        posting.status_raw = job.status.as_ref().map(ToString::to_string);
        posting.status = job.status.as_ref().map(|status| match status {
            JobStatus::Open => PostingStatus::Open,
            JobStatus::Closed => PostingStatus::Closed,
            JobStatus::Other(status) => PostingStatus::Other(status.clone()),
        });
        posting
    }
}
