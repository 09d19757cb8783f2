//! Candidates, and the profiles that are read from their CVs. All of it is personal data.

use serde_json::Value;

use super::{Address, Items, Link, Moment, ResponseStatus, Title};
use crate::json::{empty_as_none, list, model, number, one_or_many};

model! {
    /// A candidate, as the list and the detail answer it, and as far as an application or a step change tells: there it may
    /// be a link alone. `Debug` shows the number only.
    ///
    /// There is no date of creation or modification (vendor page: reference of candidates).
    ///
    /// ```
    /// use jobfeed::jobaffinity::Candidate;
    ///
    /// let candidate: Candidate = serde_json::from_str(r#"{"id": 7, "first_name": "Ada", "mobile": "+33 6 00"}"#)?;
    /// assert_eq!(candidate.mobile_number(), Some("+33 6 00"));
    /// assert_eq!(format!("{candidate:?}"), "Candidate { id: Some(7), .. }");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Candidate debug(id) {
        /// The candidate's number.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// What the answer says about the request; on a detail.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// What may be done with it; the shape of an action is not documented.
        actions: Vec<Value> = "_actions" => list,
        /// How to address them.
        title: Option<Title> = "title" => empty_as_none,
        /// The first name.
        first_name: Option<String> = "first_name",
        /// The last name.
        last_name: Option<String> = "last_name",
        /// The e-mail address.
        email: Option<String> = "email" => empty_as_none,
        /// A second e-mail address; the filter by e-mail finds it as well.
        email_secondary: Option<String> = "email_secondary" => empty_as_none,
        /// The day of birth.
        birthdate: Option<Moment> = "birthdate" => empty_as_none,
        /// The telephone at home.
        home_phone: Option<String> = "home_phone" => empty_as_none,
        /// The mobile telephone, in the later edition of the reference. [`Candidate::mobile_number`] reads either.
        mobile_phone: Option<String> = "mobile_phone" => empty_as_none,
        /// The mobile telephone, in the older edition of the reference.
        mobile: Option<String> = "mobile" => empty_as_none,
        /// The telephone at work.
        office_phone: Option<String> = "office_phone" => empty_as_none,
        /// A telephone, in the older edition of the reference, which does not say whose.
        phone: Option<String> = "phone" => empty_as_none,
        /// Where they live, in the later edition of the reference. [`Candidate::place`] reads either.
        location: Option<Address> = "location",
        /// Where they live, in the older edition of the reference.
        address: Option<Address> = "address",
        /// Their present position.
        position: Option<String> = "position",
        /// Where they hold it.
        position_company: Option<String> = "position_company",
        /// When they began to work.
        experience_start: Option<Moment> = "experience_start" => empty_as_none,
        /// Their `LinkedIn` page or handle.
        linkedin: Option<String> = "linkedin" => empty_as_none,
        /// Their Instagram page or handle.
        instagram: Option<String> = "instagram" => empty_as_none,
        /// Their applications.
        applications: Option<Link> = "applications",
        /// The notes on them.
        notes: Option<Link> = "notes",
        /// The talent pools they are in.
        pools: Items<Pool> = "pools",
    }
}

impl Candidate {
    /// Where they live, under either of its names; the later one goes first.
    pub fn place(&self) -> Option<&Address> {
        self.location.as_ref().or(self.address.as_ref())
    }

    /// The mobile telephone, under either of its names; the later one goes first.
    pub fn mobile_number(&self) -> Option<&str> {
        self.mobile_phone.as_deref().or(self.mobile.as_deref())
    }
}

model! {
    /// A talent pool.
    pub struct Pool debug(id, name) {
        /// The number, in the older edition of the reference.
        id: Option<u64> = "id" => number,
        /// The name, by which candidates can be filtered.
        name: Option<String> = "name",
        /// Who is in it.
        candidates: Option<Link> = "candidates",
        /// The notes on it.
        notes: Option<Link> = "notes",
    }
}

model! {
    /// What was read from the CV of an application. `Debug` shows nothing of it.
    pub struct Profile debug(response_status) {
        /// What the answer says about the request.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// Who it is. The service sends a list.
        identity: Vec<Identity> = "identity" => one_or_many,
        /// Where they worked.
        employments: Vec<Employment> = "employments" => list,
        /// What they learnt.
        educations: Vec<Education> = "educations" => list,
        /// What they speak.
        languages: Vec<Skill> = "languages" => list,
        /// What they can do.
        skills: Vec<Skill> = "skills" => list,
        /// What they like to do.
        hobbies: Vec<Skill> = "hobbies" => list,
        /// A picture; the URL lets its bearer in for about an hour, so it is not to be stored (vendor page: profile).
        avatar_url: Option<String> = "avatar_url" => empty_as_none,
        /// The CV; presumably under a URL of the same kind.
        cv_url: Option<String> = "cv_url" => empty_as_none,
    }
}

model! {
    /// Who somebody is, as a CV says.
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
    /// The postal code, under either of its names.
    pub fn postal_code(&self) -> Option<&str> {
        self.zip_code.as_deref().or(self.postalcode.as_deref())
    }
}

model! {
    /// A time of work, as a CV says.
    pub struct Employment debug(none) {
        /// When it began, in a form that is not documented.
        start: Option<String> = "start" => empty_as_none,
        /// When it ended, in a form that is not documented.
        end: Option<String> = "end" => empty_as_none,
        /// The beginning for people.
        readable_start: Option<String> = "readable_start" => empty_as_none,
        /// The end for people.
        readable_end: Option<String> = "readable_end" => empty_as_none,
        /// The position.
        title: Option<String> = "title",
        /// The employer.
        employer: Option<String> = "employer",
        /// What was done.
        description: Option<String> = "description",
    }
}

model! {
    /// A time of learning, as a CV says.
    pub struct Education debug(none) {
        /// When it began, in a form that is not documented.
        start: Option<String> = "start" => empty_as_none,
        /// When it ended, in a form that is not documented.
        end: Option<String> = "end" => empty_as_none,
        /// The beginning for people.
        readable_start: Option<String> = "readable_start" => empty_as_none,
        /// The end for people.
        readable_end: Option<String> = "readable_end" => empty_as_none,
        /// The course or degree.
        title: Option<String> = "title",
        /// The school.
        institution: Option<String> = "institution",
        /// The level as a number of a scale that is not documented.
        level: Option<f64> = "level" => number,
        /// The level in words.
        level_text: Option<String> = "level_text",
        /// What was learnt.
        description: Option<String> = "description",
    }
}

model! {
    /// A language, a skill or a hobby, as a CV says.
    pub struct Skill debug(none) {
        /// The name.
        name: Option<String> = "name",
        /// The level as a number of a scale that is not documented.
        level: Option<f64> = "level" => number,
        /// The level in words.
        level_name: Option<String> = "level_name",
    }
}
