//! Finds the id from which on a list has a wanted number of records, by requests for counts.
//!
//! Every count that the server gave for "from this id on" is kept, so that a later search begins between two known ids.

use std::collections::BTreeMap;

/// The maximum number of requests of one search; a bisection of all ids takes 64.
const MAX_PROBES: u32 = 200;

/// Known counts: how many records have this id or a higher one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    known: BTreeMap<u64, u64>,
}

impl Counts {
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    /// From `id` on there are `rows` records.
    pub(crate) fn insert(&mut self, id: u64, rows: u64) {
        self.known.insert(id, rows);
    }

    /// How many records there are from `id` on, if it was counted.
    pub(crate) fn from(&self, id: u64) -> Option<u64> {
        self.known.get(&id).copied()
    }

    /// Forgets what is known of ids below `id`.
    pub(crate) fn forget_below(&mut self, id: u64) {
        self.known = self.known.split_off(&id);
    }
}

/// A search for an id from which on there are `least` to `most` records.
#[derive(Debug, Clone)]
pub(crate) struct CountSearch {
    /// The search begins here; from here on there are more than `most` records.
    from: u64,
    least: u64,
    most: u64,
    /// After this many requests, any id with at least `least` records, and with so many records before it, is accepted.
    lenient: (u32, u64),
    /// The ids that the wanted records take up, as far as known.
    stride: u64,
    hint: Hint,
    /// There are probably few records after this id.
    end: Option<u64>,
    probes: u32,
}

/// What is known of the place of the records, other than by counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Hint {
    #[default]
    Nothing,
    /// There are probably no records before this id.
    Begins(u64),
    /// The search probably ends here.
    Cut(u64),
    /// The search has stopped in a gap: some ids from this one on are needed, to see where the records are.
    Sample(u64),
}

impl CountSearch {
    pub(crate) fn new(from: u64, least: u64, most: u64, stride: u64) -> Self {
        let lenient = (u32::MAX, 1);
        Self { from, least, most, lenient, stride: stride.max(1), hint: Hint::Nothing, end: None, probes: 0 }
    }

    /// After this many requests, accepts any id with at least `least` records, and with `passed` records before it.
    pub(crate) fn lenient_after(mut self, probes: u32, passed: u64) -> Self {
        self.lenient = (probes, passed.max(1));
        self
    }

    /// What is known before the first request.
    pub(crate) fn hint(mut self, hint: Hint) -> Self {
        self.hint = hint;
        self
    }

    /// There are probably few records after this id.
    pub(crate) fn ends_at(mut self, id: Option<u64>) -> Self {
        self.end = id;
        self
    }

    /// The id that is found, if it is among the known ones.
    pub(crate) fn found(&self, counts: &Counts) -> Option<u64> {
        let total = counts.from(self.from).unwrap_or(u64::MAX);
        let exact = |rows: &u64| (self.least..=self.most).contains(rows);
        let after = || counts.known.range(self.from.saturating_add(1)..);
        let found = after().find(|(_, rows)| exact(rows)).map(|(id, _)| *id);
        let (probes, passed) = self.lenient;
        let enough = |rows: &u64| self.probes >= probes && (self.least..=total.saturating_sub(passed)).contains(rows);
        found.or_else(|| after().rfind(|(_, rows)| enough(rows)).map(|(id, _)| *id))
    }

    /// The id to count from in the next request; `None` when no id can be found by counting.
    pub(crate) fn probe(&self, counts: &Counts) -> Option<u64> {
        if self.probes >= MAX_PROBES {
            return None;
        }
        let (low, above_low) = self.low(counts);
        let known = counts.known.range(low.saturating_add(1)..).find(|(_, rows)| **rows < self.least);
        let before = known.map_or(u64::MAX, |(id, _)| *id);
        let wanted = above_low.saturating_sub(self.least.midpoint(self.most)).max(1);
        let hinted = match self.hint {
            Hint::Nothing => [None, None],
            Hint::Cut(id) => [Some(id), None],
            Hint::Sample(id) => return Some(id),
            // As many ids as wanted records cannot have more records.
            Hint::Begins(id) => [self.stride, wanted].map(|step| id.checked_add(step)),
        };
        if let Some(id) = hinted.into_iter().flatten().find(|id| (low.saturating_add(1)..before).contains(id)) {
            return Some(id);
        }
        let end = self.end.filter(|end| *end > low.saturating_add(1)).map(|end| (end, 0));
        let passed = low - self.from;
        let step = if passed == 0 { self.stride } else { passed.saturating_mul(4) }.max(1);
        let beyond_end = end.is_some_and(|(end, _)| step >= end - low);
        let high = known.map(|(id, rows)| (*id, *rows)).or_else(|| end.filter(|_| beyond_end));
        let Some((high, above_high)) = high else {
            return Some(low.saturating_add(step)).filter(|id| *id > low);
        };
        // The first search is short: it has no density to go by.
        let far = if self.lenient.0 > 1 { 4 } else { 1 };
        let (span, passed) = (high - low, above_low.saturating_sub(above_high));
        let sparse = span / 16 > passed;
        if self.probes == self.lenient.0 && passed > wanted.saturating_mul(far) && wanted < span && !sparse {
            // Far too many records: as many ids as wanted records cannot have more than these.
            return Some(low + wanted);
        }
        if span <= 1 {
            return None;
        }
        // Interpolation and bisection alternate: interpolation is fast for evenly spread ids, bisection for all others.
        let step = if self.probes % 2 == 1 {
            span / 2
        } else {
            u64::try_from(u128::from(span) * u128::from(wanted) / u128::from(passed.max(1))).unwrap_or(span)
        };
        Some(low + step.clamp(1, span - 1))
    }

    /// Whether the next request is for some ids, not only for a count.
    pub(crate) fn samples(&self) -> bool {
        matches!(self.hint, Hint::Sample(_))
    }

    /// The last request was counted, and its answer shows this.
    pub(crate) fn counted(&mut self, hint: Hint) {
        (self.hint, self.probes) = (hint, self.probes + 1);
    }

    /// The highest known id with more than `most` records, and how many there are from it on.
    pub(crate) fn low(&self, counts: &Counts) -> (u64, u64) {
        let known = counts.known.range(self.from..).rfind(|(_, rows)| **rows > self.most);
        known.map_or((self.from, u64::MAX), |(id, rows)| (*id, *rows))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The id that a search finds, and its requests.
    fn search(ids: &[u64], mut search: CountSearch, from: u64) -> (Option<u64>, u32) {
        let count = |id: u64| ids.iter().filter(|known| **known >= id).count() as u64;
        let (mut counts, mut requests) = (Counts::default(), 0);
        counts.insert(from, count(from));
        loop {
            if let Some(id) = search.found(&counts) {
                return (Some(id), requests);
            }
            let Some(id) = search.probe(&counts) else { return (None, requests) };
            requests += 1;
            assert!(requests <= MAX_PROBES, "no end: {search:?}");
            counts.insert(id, count(id));
            search.counted(Hint::Nothing);
        }
    }

    proptest! {
        #[test]
        fn a_search_finds_an_id_with_the_wanted_count_in_few_requests(
            gaps in proptest::collection::vec(1u64..2000, 50..800), offset in 1u64..1 << 45, least in 1u64..20,
            width in 0u64..20, stride: u32,
        ) {
            let ids: Vec<u64> = gaps.iter().scan(offset, |id, gap| { *id += gap; Some(*id) }).collect();
            let wanted = CountSearch::new(1, least, least + width, u64::from(stride));
            let (found, requests) = search(&ids, wanted, 1);
            let rows = ids.iter().filter(|id| **id >= found.unwrap()).count() as u64;
            prop_assert!((least..=least + width).contains(&rows), "{rows} of {least} to {}", least + width);
            prop_assert!(requests < 110, "{requests} requests");
        }
    }

    #[test]
    fn evenly_spread_ids_need_one_request() {
        let ids: Vec<u64> = (1..=30_000).collect();
        let (found, requests) = search(&ids, CountSearch::new(1, 20_000, 25_000, 7_500), 1);
        assert_eq!((found, requests), (Some(7_501), 1));
    }
}
