//! Every listing, sync and `POST` of the providers, and every paging scheme, in the conformance suite of `jobfeed::testing`. A new
//! provider is added with a case in `conformance/cases.rs` and one line here.

use jobfeed::conformance_tests;

mod any_api;
mod cases;
mod schemes;

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
    page_numbers_to_the_total: any_api::AnyCase<schemes::Numbered<{ schemes::TOTAL }>>, listing;
    page_numbers_to_a_short_page: any_api::AnyCase<schemes::Numbered<{ schemes::SHORT }>>, listing;
    page_numbers_to_an_empty_page: any_api::AnyCase<schemes::Numbered<{ schemes::EMPTY }>>, listing;
    offsets_to_the_total: any_api::AnyCase<schemes::Offsets<{ schemes::TOTAL }>>, listing;
    offsets_to_a_short_page: any_api::AnyCase<schemes::Offsets<{ schemes::SHORT }>>, listing;
    offsets_to_an_empty_page: any_api::AnyCase<schemes::Offsets<{ schemes::EMPTY }>>, listing;
    overlapping_offsets: any_api::AnyCase<schemes::OverlappingOffsets>, listing;
    token_in_body: any_api::AnyCase<schemes::TokenInBody>, listing;
    token_in_header: any_api::AnyCase<schemes::TokenInHeader>, listing;
    search_by_post: any_api::AnyCase<schemes::Search>, listing;
    keyset: any_api::AnyCase<schemes::Keyset>, listing;
    inclusive_keyset: any_api::AnyCase<schemes::InclusiveKeyset>, listing;
    has_more: any_api::AnyCase<schemes::HasMore>, listing;
    url_in_body: any_api::AnyCase<schemes::UrlInBody>, listing;
    url_in_header: any_api::AnyCase<schemes::UrlInHeader>, listing;
    link_header: any_api::AnyCase<schemes::LinkHeader>, listing;
}
