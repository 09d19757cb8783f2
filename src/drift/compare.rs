//! Compares the shape of records with the baseline.

use super::change::{Change, ChangeKind};
use super::shape::{ANY, JsonType, Shape};

/// A rise of null or missing values by less than this share is not told.
const LEAST_RISE: f64 = 0.05;
/// A rise must be so many standard errors: by chance alone it happens once in thirty thousand comparisons.
const STANDARD_ERRORS: f64 = 4.0;

/// All changes from `before` to `now`, in the order of their paths.
pub(super) fn changes(before: &Shape, now: &Shape) -> Vec<Change> {
    let mut changes = Vec::new();
    // The records themselves, too: they may have become texts, or null.
    field(before, Some(now), (before.seen, now.seen), false, "", &mut changes);
    changes.sort_by(|a, b| (&a.path, a.kind).cmp(&(&b.path, b.kind)));
    changes
}

fn compare(before: &Shape, now: &Shape, path: &str, changes: &mut Vec<Change>) {
    let of = (before.objects(), now.objects());
    if of.0 > 0 && of.1 > 0 {
        let old = before.fields.iter().map(|(name, old)| (name, Some(old)));
        let new = now.fields.keys().filter(|name| !before.fields.contains_key(*name)).map(|name| (name, None));
        for (name, old) in old.chain(new) {
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            match (old, now.fields.get(name)) {
                (Some(old), new) => field(old, new, of, name == ANY, &path, changes),
                (None, Some(new)) => changes.push(new_field(new, 0, of, &path)),
                (None, None) => {}
            }
        }
    }
    if let (Some(old), Some(new)) = (&before.elements, &now.elements) {
        value(old, new, &format!("{path}/{ANY}"), changes);
    }
}

/// A field that the baseline has, in this many objects before and now.
fn field(old: &Shape, new: Option<&Shape>, of: (u64, u64), any: bool, path: &str, changes: &mut Vec<Change>) {
    // The values of all keys of a map: how many there are in each says nothing.
    if !any {
        let absent = |shape: &Shape, of: u64| of.saturating_sub(shape.seen) + shape.null;
        let (before, count) = (absent(old, of.0), new.map_or(of.1, |new| absent(new, of.1)));
        if is_rise((before, of.0), (count, of.1)) {
            let missing = new.is_none_or(|new| new.seen == 0);
            let kind = if missing { ChangeKind::Missing } else { ChangeKind::Nulls };
            changes.push(change(path, kind, (count, of.1), (before, of.0)));
        }
    }
    let Some(new) = new else { return };
    if old.types.is_empty() && !new.types.is_empty() {
        changes.push(new_field(new, old.seen, of, path));
        return;
    }
    value(old, new, path, changes);
}

/// A value whose presence was compared before, or has no meaning.
fn value(old: &Shape, new: &Shape, path: &str, changes: &mut Vec<Change>) {
    let others = || new.types.iter().filter(|(kind, _)| !old.types.contains_key(kind));
    if !old.types.is_empty() && others().next().is_some() {
        let (count, of) = (others().map(|(_, count)| count).sum(), new.types.values().sum());
        let typed = old.types.values().sum();
        let retyped = change(path, ChangeKind::Retyped, (count, of), (0, typed));
        changes.push(Change { types: (names(old.types.keys()), names(others().map(|(kind, _)| kind))), ..retyped });
    }
    compare(old, new, path, changes);
}

fn new_field(new: &Shape, before: u64, of: (u64, u64), path: &str) -> Change {
    let found = change(path, ChangeKind::New, (new.seen, of.1), (before, of.0));
    let kinds = if new.types.is_empty() { vec!["null".to_owned()] } else { names(new.types.keys()) };
    Change { types: (Vec::new(), kinds), ..found }
}

fn change(path: &str, kind: ChangeKind, (count, of): (u64, u64), before: (u64, u64)) -> Change {
    Change { path: path.to_owned(), kind, count, of, before, types: (Vec::new(), Vec::new()), first: None }
}

fn names<'k>(kinds: impl Iterator<Item = &'k JsonType>) -> Vec<String> {
    kinds.map(|kind| kind.as_str().to_owned()).collect()
}

/// Whether a share has grown by more than chance explains: the test of two proportions.
#[allow(clippy::cast_precision_loss, reason = "shares")]
fn is_rise(before: (u64, u64), now: (u64, u64)) -> bool {
    let ((old, old_of), (new, new_of)) = ((before.0 as f64, before.1 as f64), (now.0 as f64, now.1 as f64));
    let rise = new / new_of - old / old_of;
    let pooled = (old + new) / (old_of + new_of);
    let error = (pooled * (1.0 - pooled) * (1.0 / old_of + 1.0 / new_of)).sqrt();
    rise > LEAST_RISE && rise > STANDARD_ERRORS * error
}

#[cfg(test)]
mod tests {
    use super::ChangeKind::{Missing, New, Nulls, Retyped};
    use super::*;

    fn shape(record: impl Fn(usize) -> String, count: usize) -> Shape {
        let mut shape = Shape::default();
        for index in 0..count {
            shape.add(&record(index));
        }
        shape
    }

    fn told(before: &Shape, now: &Shape) -> Vec<(String, ChangeKind, u64, u64)> {
        changes(before, now).into_iter().map(|change| (change.path, change.kind, change.count, change.of)).collect()
    }

    #[test]
    fn each_kind_of_change_is_told_at_its_nested_path() {
        let before =
            shape(|i| format!(r#"{{"id": {i}, "org": {{"name": "x", "size": 5}}, "at": [{{"city": "x"}}]}}"#), 100);
        let same = shape(|i| format!(r#"{{"id": {i}.5, "org": {{"name": "y", "size": 7}}, "at": []}}"#), 50);
        assert_eq!(told(&before, &same), [], "an empty list and a float are no change");
        let now = shape(
            |i| {
                let size = if i % 2 == 0 { "null" } else { "5" };
                format!(r#"{{"id": "{i}", "org": {{"title": "x", "size": {size}}}, "at": [{{"city": 7}}]}}"#)
            },
            20,
        );
        let path = |path: &str, kind, count| (path.to_owned(), kind, count, 20);
        assert_eq!(
            told(&before, &now),
            [
                path("/at/*/city", Retyped, 20),
                path("/id", Retyped, 20),
                path("/org/name", Missing, 20),
                path("/org/size", Nulls, 10),
                path("/org/title", New, 20),
            ]
        );
    }

    #[test]
    fn a_rare_field_that_is_absent_from_a_small_page_is_no_change() {
        let before = shape(|i| if i % 50 == 0 { r#"{"note": 1}"#.to_owned() } else { "{}".to_owned() }, 1000);
        assert_eq!(told(&before, &shape(|_| "{}".to_owned(), 100)), []);
        assert_eq!(told(&before, &shape(|_| "{}".to_owned(), 5000)).len(), 0, "by less than 5 % of the records");
        let always = shape(|_| r#"{"note": 1}"#.to_owned(), 1000);
        assert_eq!(told(&always, &shape(|_| "{}".to_owned(), 1)), [("/note".to_owned(), Missing, 1, 1)]);
    }

    #[test]
    fn a_field_that_was_always_null_is_new_when_it_has_a_value() {
        let (before, now) =
            (shape(|_| r#"{"a": null}"#.to_owned(), 30), shape(|_| r#"{"a": {"b": 1}}"#.to_owned(), 30));
        assert_eq!(told(&before, &now), [("/a".to_owned(), New, 30, 30)]);
    }

    #[test]
    fn records_that_are_no_objects_any_more_are_told() {
        let before = shape(|i| format!(r#"{{"id": {i}}}"#), 100);
        assert_eq!(told(&before, &shape(|i| format!("\"{i}\""), 50)), [(String::new(), Retyped, 50, 50)]);
        assert_eq!(told(&before, &shape(|_| "null".to_owned(), 50)), [(String::new(), Nulls, 50, 50)]);
        assert_eq!(told(&before, &Shape::default()), []);
        let change = changes(&before, &shape(|_| "[1]".to_owned(), 50)).remove(0);
        assert_eq!(change.to_string(), "the record itself has another type: list in 50 of 50, before object");
    }
}
