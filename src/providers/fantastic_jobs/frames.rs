//! Parameters with a fixed set of values. The server answers 400 to any other value (observed).

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
    /// `H` is the clock hour (UTC) of the call.
    TimeFrame {
        /// `[H - 2h, H - 1h)`, the same for all calls in one clock hour (vendor page).
        Hour = "1h",
        /// `[H - 25h, H - 1h)`, or `[H - 26h, H - 1h)`: the vendor's text says 24 hours and its example shows 25. The
        /// syncs of this crate are correct in both cases.
        Day = "24h",
        /// From about 7 days ago until 45 minutes ago, rolling (vendor page; the exact bounds are inferred). Without
        /// expired rows.
        Week = "7d",
        /// From about 6 months ago until 45 minutes ago, rolling like [`TimeFrame::Week`]. Paged by cursor.
        SixMonths = "6m",
    }
    /// The window of a count. There is no `7d` (vendor page).
    CountFrame {
        /// Same as [`TimeFrame::Hour`].
        Hour = "1h",
        /// Same as [`TimeFrame::Day`].
        Day = "24h",
        /// The last 31 days; the server's default.
        Month = "1m",
        /// Same as [`TimeFrame::SixMonths`].
        SixMonths = "6m",
    }
    /// The window of an expired feed.
    ExpiredFrame {
        /// The last hour, rolling (vendor page).
        Hour = "1h",
        /// The previous day in UTC, refreshed at 01:00, not rolling (vendor page).
        Day = "1d",
        /// The last month. Accepted by the server but not documented (observed by two clients; once 3.2 million ids).
        Month = "1m",
        /// The last six months: tens of millions of ids in one body (vendor page).
        SixMonths = "6m",
    }
    /// The format of the description in each row. Without it rows have no description (vendor page).
    DescriptionFormat {
        /// Cleaned text, in `description_text`.
        Text = "text",
        /// The original HTML, in `description_html`. It is not sanitised.
        Html = "html",
    }
    /// A filter on a boolean property.
    Only {
        /// Only rows that have it.
        Only = "only",
        /// Only rows that do not have it.
        Exclude = "exclude",
    }
}
