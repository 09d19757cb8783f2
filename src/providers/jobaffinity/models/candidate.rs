//! Candidates, and the profiles from their CVs. All of it is personal data.

use serde_json::Value;

use super::{Address, Items, Link, Moment, ResponseStatus, Title};
use crate::json::{empty_as_none, list, model, number, one_or_many};

model! {
    /// A candidate, in lists and on its own. Inside an application or a step change it has fewer fields, or is only a
    /// link. `Debug` shows the id only.
    ///
    /// There is no date of creation or modification (vendor page: reference of candidates).
    ///
    /// ```
    /// use jobfeed::jobaffinity::Candidate;
    ///
    /// let row: Candidate = serde_json::from_str(r#"{"id": 7, "mobile": "+33"}"#)?;
    /// assert_eq!(row.mobile_number(), Some("+33"));
    /// assert_eq!(format!("{row:?}"), "Candidate { id: Some(7), .. }");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Candidate debug(id) {
        /// The id.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// The status of the request; only when a single record is requested.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The possible actions; the shape of an action is not documented.
        actions: Vec<Value> = "_actions" => list,
        /// The form of address.
        title: Option<Title> = "title" => empty_as_none,
        /// The first name.
        first_name: Option<String> = "first_name",
        /// The last name.
        last_name: Option<String> = "last_name",
        /// The e-mail address.
        email: Option<String> = "email" => empty_as_none,
        /// A second e-mail address; the e-mail filter also matches it.
        email_secondary: Option<String> = "email_secondary" => empty_as_none,
        /// The date of birth.
        birthdate: Option<Moment> = "birthdate" => empty_as_none,
        /// The home telephone.
        home_phone: Option<String> = "home_phone" => empty_as_none,
        /// The mobile telephone, in the later edition of the reference. [`Candidate::mobile_number`] reads either.
        mobile_phone: Option<String> = "mobile_phone" => empty_as_none,
        /// The mobile telephone, in the older edition of the reference.
        mobile: Option<String> = "mobile" => empty_as_none,
        /// The work telephone.
        office_phone: Option<String> = "office_phone" => empty_as_none,
        /// A telephone of an undocumented kind, in the older edition of the reference.
        phone: Option<String> = "phone" => empty_as_none,
        /// The address, in the later edition of the reference. [`Candidate::place`] reads either.
        location: Option<Address> = "location",
        /// The address, in the older edition of the reference.
        address: Option<Address> = "address",
        /// The current position.
        position: Option<String> = "position",
        /// The company of the current position.
        position_company: Option<String> = "position_company",
        /// The start of their working life.
        experience_start: Option<Moment> = "experience_start" => empty_as_none,
        /// Their `LinkedIn` page or handle.
        linkedin: Option<String> = "linkedin" => empty_as_none,
        /// Their Instagram page or handle.
        instagram: Option<String> = "instagram" => empty_as_none,
        /// The applications.
        applications: Option<Link> = "applications",
        /// The notes.
        notes: Option<Link> = "notes",
        /// The talent pools of the candidate.
        pools: Items<Pool> = "pools",
    }
}

impl Candidate {
    /// The address, from either edition of the reference; the later one has priority.
    pub fn place(&self) -> Option<&Address> {
        self.location.as_ref().or(self.address.as_ref())
    }

    /// The mobile telephone, from either edition of the reference; the later one has priority.
    pub fn mobile_number(&self) -> Option<&str> {
        self.mobile_phone.as_deref().or(self.mobile.as_deref())
    }
}

model! {
    /// A talent pool.
    pub struct Pool debug(id, name) {
        /// The id, in the older edition of the reference.
        id: Option<u64> = "id" => number,
        /// The name, by which candidates can be filtered.
        name: Option<String> = "name",
        /// Its candidates.
        candidates: Option<Link> = "candidates",
        /// The notes.
        notes: Option<Link> = "notes",
    }
}

model! {
    /// The profile that the service extracted from the CV of an application. `Debug` shows the status only.
    pub struct Profile debug(response_status) {
        /// The status of the request.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// The identity. The service sends a list.
        identity: Vec<Identity> = "identity" => one_or_many,
        /// The employments.
        employments: Vec<Employment> = "employments" => list,
        /// The educations.
        educations: Vec<Education> = "educations" => list,
        /// The languages.
        languages: Vec<Skill> = "languages" => list,
        /// The skills.
        skills: Vec<Skill> = "skills" => list,
        /// The hobbies.
        hobbies: Vec<Skill> = "hobbies" => list,
        /// A picture. Its URL gives access for about an hour, so do not store it (vendor page: profile).
        avatar_url: Option<String> = "avatar_url" => empty_as_none,
        /// The CV. The URL probably gives temporary access too (inferred).
        cv_url: Option<String> = "cv_url" => empty_as_none,
    }
}

model! {
    /// The identity from a CV.
    pub struct Identity debug(none) {
        /// The first name.
        first_name: Option<String> = "first_name",
        /// The last name.
        last_name: Option<String> = "last_name",
        /// The e-mail address.
        email: Option<String> = "email" => empty_as_none,
        /// The telephone.
        phone: Option<String> = "phone" => empty_as_none,
        /// Street and number.
        address: Option<String> = "address",
        /// The postal code. [`Identity::postal_code`] reads either name.
        zip_code: Option<String> = "zip_code" => empty_as_none,
        /// The postal code under the name that candidates and jobs use.
        postalcode: Option<String> = "postalcode" => empty_as_none,
        /// The town.
        town: Option<String> = "town",
        /// The country.
        country: Option<String> = "country",
    }
}

impl Identity {
    /// The postal code, from either field.
    pub fn postal_code(&self) -> Option<&str> {
        self.zip_code.as_deref().or(self.postalcode.as_deref())
    }
}

model! {
    /// An employment from a CV.
    pub struct Employment debug(none) {
        /// The start, in an undocumented format.
        start: Option<String> = "start" => empty_as_none,
        /// The end, in an undocumented format.
        end: Option<String> = "end" => empty_as_none,
        /// The start as a readable text.
        readable_start: Option<String> = "readable_start" => empty_as_none,
        /// The end as a readable text.
        readable_end: Option<String> = "readable_end" => empty_as_none,
        /// The position.
        title: Option<String> = "title",
        /// The employer.
        employer: Option<String> = "employer",
        /// The description.
        description: Option<String> = "description",
    }
}

model! {
    /// An education from a CV.
    pub struct Education debug(none) {
        /// The start, in an undocumented format.
        start: Option<String> = "start" => empty_as_none,
        /// The end, in an undocumented format.
        end: Option<String> = "end" => empty_as_none,
        /// The start as a readable text.
        readable_start: Option<String> = "readable_start" => empty_as_none,
        /// The end as a readable text.
        readable_end: Option<String> = "readable_end" => empty_as_none,
        /// The course or degree.
        title: Option<String> = "title",
        /// The school.
        institution: Option<String> = "institution",
        /// The level as a number on an undocumented scale.
        level: Option<f64> = "level" => number,
        /// The level in words.
        level_text: Option<String> = "level_text",
        /// The description.
        description: Option<String> = "description",
    }
}

model! {
    /// A language, a skill or a hobby from a CV.
    pub struct Skill debug(none) {
        /// The name.
        name: Option<String> = "name",
        /// The level as a number on an undocumented scale.
        level: Option<f64> = "level" => number,
        /// The level in words.
        level_name: Option<String> = "level_name",
    }
}
