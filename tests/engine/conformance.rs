//! Every listing, sync and `POST` of the providers, and every paging scheme, in the conformance suite of `jobfeed::testing`. A new
//! provider is added with a case in `conformance/cases.rs` and one line here.

use jobfeed::conformance_tests;

mod cases;
mod schemes;

use schemes::AnyCase;

macro_rules! conformance {
    ($($module:ident: $case:ty, $($kind:ident)+;)*) => {$(
        mod $module {
            use super::*;

            $(conformance_tests!($kind: $case);)+
        }
    )*};
}

conformance! {
    employjoy_jobs: cases::EmployJoyJobs, listing sync post;
    employjoy_applications: cases::EmployJoyApplications, listing sync;
    fantastic_jobs_by_offset: cases::FantasticAts<false>, listing sync;
    fantastic_jobs_by_cursor: cases::FantasticAts<true>, listing sync;
    jobdataapi_jobs: cases::JobDataApiJobs, listing sync;
    jobaffinity_jobs: cases::JobAffinityJobs, listing sync post;
}

conformance! {
    page_numbers: AnyCase<schemes::PageNumbers>, listing;
    page_numbers_to_the_total: AnyCase<schemes::NumberedToTotal>, listing;
    page_numbers_to_a_short_page: AnyCase<schemes::NumberedToShortPage>, listing;
    page_numbers_to_an_empty_page: AnyCase<schemes::NumberedToEmptyPage>, listing;
    offsets_to_the_total: AnyCase<schemes::OffsetsToTotal>, listing;
    offsets_to_a_short_page: AnyCase<schemes::OffsetsToShortPage>, listing;
    offsets_to_an_empty_page: AnyCase<schemes::OffsetsToEmptyPage>, listing;
    overlapping_offsets: AnyCase<schemes::OverlappingOffsets>, listing;
    token_in_body: AnyCase<schemes::TokenInBody>, listing;
    token_in_header: AnyCase<schemes::TokenInHeader>, listing;
    search_by_post: AnyCase<schemes::Search>, listing;
    search_by_post_with_a_number: AnyCase<schemes::SearchByNumber>, listing;
    keyset: AnyCase<schemes::Keyset>, listing;
    inclusive_keyset: AnyCase<schemes::InclusiveKeyset>, listing;
    has_more: AnyCase<schemes::HasMore>, listing;
    url_in_body: AnyCase<schemes::UrlInBody>, listing;
    url_in_header: AnyCase<schemes::UrlInHeader>, listing;
    link_header: AnyCase<schemes::LinkHeader>, listing;
}
