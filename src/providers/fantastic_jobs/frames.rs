//! The closed sets of values that parameters take. A value outside of its endpoint's set is a 400 (observed).

use std::fmt;

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// The value as the API writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    )+};
}

values! {
    /// The window of an active feed, by the time at which rows were indexed (`date_created`).
    ///
    /// With `H` the clock hour (UTC) of the call:
    TimeFrame {
        /// `[H - 2h, H - 1h)`, the same for all calls in one clock hour (vendor page).
        Hour = "1h",
        /// `[H - 25h, H - 1h)`, or `[H - 26h, H - 1h)`: the vendor's text says 24 hours and its example shows 25. The syncs of
        /// this crate are right under both readings.
        Day = "24h",
        /// About the last 7 days up to 45 minutes ago, rolling (vendor page; the edges are inferred). Expired rows are not in
        /// it any more.
        Week = "7d",
        /// About the last 6 months up to 45 minutes ago, rolling like [`TimeFrame::Week`]. Paged by cursor.
        SixMonths = "6m",
    }
    /// The window of a count. There is no `7d` (vendor page).
    CountFrame {
        /// As [`TimeFrame::Hour`].
        Hour = "1h",
        /// As [`TimeFrame::Day`].
        Day = "24h",
        /// The last 31 days; the server's default.
        Month = "1m",
        /// As [`TimeFrame::SixMonths`].
        SixMonths = "6m",
    }
    /// The window of an expired feed.
    ExpiredFrame {
        /// The last hour, rolling (vendor page).
        Hour = "1h",
        /// The previous day in UTC, refreshed at 01:00, not rolling (vendor page).
        Day = "1d",
        /// The last month. Accepted by the server, but not documented (observed by two clients): 3.2 million ids once.
        Month = "1m",
        /// The last six months: tens of millions of ids in one body (vendor page).
        SixMonths = "6m",
    }
    /// Which form of the description comes with each row. Without it no description comes at all (vendor page).
    DescriptionFormat {
        /// Cleaned text, in `description_text`.
        Text = "text",
        /// The original HTML, in `description_html`. It is not sanitised.
        Html = "html",
    }
    /// A filter on a yes-or-no property.
    Only {
        /// Only rows that have it.
        Only = "only",
        /// Only rows that do not have it.
        Exclude = "exclude",
    }
}
