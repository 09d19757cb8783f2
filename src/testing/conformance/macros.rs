//! The macro that makes a test of each check.

use std::future::Future;

use super::violation::Violation;

/// Makes a `#[test]` of each check of the [conformance suite](crate::testing::conformance) for a case, in the module where it stands.
///
/// * `conformance_tests!(listing: NotesCase)` takes a [`Case`](crate::testing::conformance::Case), whose page has a whole example;
/// * `conformance_tests!(sync: NotesCase)` takes a [`SyncCase`](crate::testing::conformance::SyncCase);
/// * `conformance_tests!(post: NotesCase)` takes a [`PostCase`](crate::testing::conformance::PostCase).
///
/// Each case needs a module of its own, because the tests have the same names. They need no async runtime of yours. For a store
/// call [`conformance::store`](crate::testing::conformance::store()).
#[macro_export]
macro_rules! conformance_tests {
    (listing: $case:ty) => {
        $crate::conformance_tests! { @ $case:
            every_record_arrives_once
            temporary_faults_are_retried
            promise_5_refusals_are_not_retried_and_lose_nothing
            a_cyclic_next_is_an_error_that_names_the_page_first_seen
            a_foreign_next_or_redirect_is_refused_before_anything_is_sent
            missing_records_are_an_error
            an_empty_page_in_the_middle_is_not_the_end
            all_records_arrive_from_a_server_that_halves_the_page_size
            a_walk_continues_from_a_stored_cursor
            a_long_wait_ends_as_paused_and_a_later_walk_continues
            promise_7_the_head_of_an_answer_holds_when_its_body_hangs
            a_body_that_never_ends_is_not_waited_for
            promise_7_the_longest_wait_of_several_rate_policies_is_obeyed
            promise_4_a_total_in_any_form_of_a_number_is_compared
            promise_4_a_record_twice_in_a_page_is_not_complete
            promise_8_a_credential_in_the_path_of_a_link_is_not_kept
        }
    };
    (sync: $case:ty) => {
        $crate::conformance_tests! { @ $case:
            promise_1_answers_of_older_copies_lose_no_row
            promise_1_a_clock_that_is_an_hour_wrong_loses_no_row
            promise_1_a_record_twice_in_a_page_hides_no_other
            promise_1_a_sync_that_is_killed_at_any_page_loses_no_row
            promise_4_a_sync_reads_totals_in_any_form_of_a_number
        }
    };
    (post: $case:ty) => {
        $crate::conformance_tests! { @ $case:
            promise_2_a_303_after_a_post_is_neither_followed_nor_taken_for_a_refusal
        }
    };
    (@ $case:ty: $($check:ident)+) => {$(
        #[test]
        fn $check() -> ::std::result::Result<(), $crate::testing::conformance::Violation> {
            $crate::testing::conformance::block_on($crate::testing::conformance::$check::<$case>())
        }
    )+};
}

/// Runs a check on a tokio runtime of its own, for a `#[test]` that is not async.
///
/// # Errors
/// The [`Violation`] of the check; also when no runtime can be made.
pub fn block_on(check: impl Future<Output = Result<(), Violation>>) -> Result<(), Violation> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Violation::failed("the start of a runtime", error))?.block_on(check)
}
