//! One walk of a listing, as the checks look at it.

use std::collections::BTreeSet;
use std::fmt::Display;

use futures::StreamExt as _;

use super::case::{Case, ROWS, Settings};
use super::violation::{Violation, equal, holds};
use crate::error::{Completeness, Error};
use crate::listing::Cursor;
use crate::testing::fault::{Fault, When};

/// Starts a case.
pub(super) async fn start<C: Case>() -> Result<C, Violation> {
    C::start().await.map_err(|error| Violation::failed("the start of the case", error))
}

/// The result of a walk: the keys, the error at its end, and where it stands.
pub(super) struct Walk {
    pub(super) keys: Vec<String>,
    pub(super) error: Option<Error>,
    pub(super) cursor: Option<Cursor>,
    pub(super) completeness: Option<Completeness>,
}

impl Walk {
    /// Walks to the end or to an error.
    pub(super) async fn whole<C: Case>(case: &C, settings: &Settings) -> Result<Self, Violation> {
        Self::read::<C>(case.pages(settings)?, usize::MAX).await
    }

    /// Reads some pages, one after the other.
    pub(super) async fn part<C: Case>(case: &C, settings: &Settings, pages: usize) -> Result<Self, Violation> {
        Self::read::<C>(case.pages(settings)?.prefetch(false), pages).await
    }

    async fn read<C: Case>(
        mut pages: crate::listing::PageStream<serde_json::Value>,
        count: usize,
    ) -> Result<Self, Violation> {
        let (mut keys, mut error, mut read) = (Vec::new(), None, 0);
        while read < count {
            match pages.next().await {
                Some(Ok(page)) => {
                    read += 1;
                    keys.extend(page.items.iter().filter_map(|row| row.get(C::KEY)).map(ToString::to_string));
                }
                Some(Err(found)) => {
                    error = Some(found);
                    let after = pages.next().await.map(|page| page.map(|page| page.items.len()));
                    holds("after the error", after.is_none(), "the end of the stream", after)?;
                    break;
                }
                None => break,
            }
        }
        Ok(Self { keys, error, cursor: pages.cursor(), completeness: pages.completeness() })
    }

    pub(super) fn distinct(&self) -> usize {
        self.keys.iter().collect::<BTreeSet<_>>().len()
    }

    /// That the walk ended without an error.
    pub(super) fn ended(&self, what: impl Display) -> Result<(), Violation> {
        holds(what, self.error.is_none(), "no error", &self.error)
    }

    /// That the walk ended without an error and delivered each record once.
    pub(super) fn delivered_all(&self, what: impl Display) -> Result<(), Violation> {
        self.ended(&what)?;
        equal(format!("{what}: records, and different ones"), (self.keys.len(), self.distinct()), (ROWS, ROWS))
    }

    /// That the walk ended with an error of this kind.
    pub(super) fn failed(
        &self,
        what: impl Display,
        expected: &str,
        is: impl Fn(&Error) -> bool,
    ) -> Result<&Error, Violation> {
        match &self.error {
            Some(error) if is(error) => Ok(error),
            other => Err(Violation::new(what, expected, other)),
        }
    }
}

/// A new case with a fault, and its walk.
pub(super) async fn with_fault<C: Case>(fault: Fault, when: When, settings: &Settings) -> Result<(C, Walk), Violation> {
    let case = start::<C>().await?;
    case.server().fault(fault, when);
    let walk = Walk::whole(&case, settings).await?;
    Ok((case, walk))
}
