//! What a record has beside the fields of a posting, without data of people.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::DateTime;

/// Parts of names of members that are about a person. Also French ones: customers of JobAffinity name their own fields.
const PEOPLE: [&str; 41] = [
    "recruiter",
    "hiring_manager",
    "manager",
    "contact",
    "owner",
    "person",
    "people",
    "candidate",
    "applicant",
    "mail",
    "phone",
    "mobile",
    "telephone",
    "fax",
    "first_name",
    "firstname",
    "last_name",
    "lastname",
    "full_name",
    "fullname",
    "surname",
    "given_name",
    "givenname",
    "family_name",
    "familyname",
    "user",
    "team",
    "author",
    "creator",
    "created_by",
    "updated_by",
    "posted_by",
    "interviewer",
    "birth",
    "whatsapp",
    "recruteur",
    "responsable",
    "interlocuteur",
    "prenom",
    "prénom",
    "gestionnaire",
];

/// The members of a record that are not in `mapped`, without empty ones and without those about people.
pub(crate) fn extra(record: &impl Serialize, mapped: &[&str]) -> Map<String, Value> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(record) else { return Map::new() };
    members.retain(|name, _| !mapped.contains(&name.as_str()));
    keep(members)
}

/// Adds the unknown members of a nested object to the extra members, under the object's name.
pub(crate) fn named_extra(extra: &mut Map<String, Value>, name: &str, members: &Map<String, Value>) {
    let kept = keep(members.clone());
    if !kept.is_empty() {
        extra.insert(name.to_owned(), kept.into());
    }
}

/// The instant of a date of the record. A text that is no instant is kept under its name.
pub(crate) fn instant(extra: &mut Map<String, Value>, name: &str, date: Option<&DateTime>) -> Option<Timestamp> {
    let date = date?;
    if date.timestamp().is_none() {
        extra.insert(name.to_owned(), date.as_str().into());
    }
    date.timestamp()
}

/// The texts of a list, without empty ones.
pub(crate) fn list(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

fn keep(members: Map<String, Value>) -> Map<String, Value> {
    // An object such as `{"name": "Recruiter", "value": ..}` is a member, too.
    let names = ["name", "api_name", "label", "key", "role"];
    let about_a_person = |name: &&str| members.get(*name).and_then(Value::as_str).is_some_and(is_about_a_person);
    if names.iter().any(about_a_person) {
        return Map::new();
    }
    let members = members.into_iter().filter(|(name, _)| !is_about_a_person(name) && !has_contact_data(name));
    members.filter_map(|(name, value)| Some((name, keep_value(value)?))).collect()
}

fn keep_value(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.trim().is_empty() && !has_contact_data(&text)).then_some(Value::String(text)),
        Value::Array(values) => {
            let values: Vec<Value> = values.into_iter().filter_map(keep_value).collect();
            (!values.is_empty()).then_some(Value::Array(values))
        }
        Value::Object(members) => {
            let members = keep(members);
            (!members.is_empty()).then_some(Value::Object(members))
        }
        other => Some(other),
    }
}

/// `hiringManager`, `Hiring manager` and `hiring-manager` are the same name.
fn is_about_a_person(name: &str) -> bool {
    let mut plain = String::with_capacity(name.len() + 4);
    let mut after_small = false;
    for character in name.chars() {
        if after_small && character.is_uppercase() || !character.is_alphanumeric() {
            plain.push('_');
        }
        after_small = character.is_lowercase();
        plain.extend(character.is_alphanumeric().then_some(character).into_iter().flat_map(char::to_lowercase));
    }
    PEOPLE.iter().any(|part| plain.contains(part))
}

/// Whether a text holds an e-mail address, or is a phone number.
fn has_contact_data(text: &str) -> bool {
    let is_mail = |word: &str| {
        word.split_once('@').is_some_and(|(user, host)| user.ends_with(char::is_alphanumeric) && host.contains('.'))
    };
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let number = text.trim();
    let is_phone =
        number.starts_with('+') && digits >= 7 && number.chars().all(|c| c.is_ascii_digit() || " +()-./".contains(c));
    let has_scheme = |scheme: &str| number.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    is_phone || has_scheme("mailto:") || has_scheme("tel:") || text.split_whitespace().any(is_mail)
}
