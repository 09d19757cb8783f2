//! What every store that gives leases must do.

use std::time::Duration;

use jobfeed::SyncState;
use jobfeed::checkpoint::{CheckpointError, Fence, LeaseStore};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(1);

fn is_leased(result: Result<impl Sized, CheckpointError>, by: &str) -> bool {
    matches!(result, Err(CheckpointError::Leased { holder, ends_in }) if holder == by && ends_in <= LONG)
}

fn is_lost(result: Result<(), CheckpointError>) -> bool {
    matches!(result, Err(CheckpointError::LeaseLost))
}

/// Takes a lease as soon as the one before has ended.
async fn acquired(store: &impl LeaseStore, key: &str, holder: &str, ttl: Duration) -> Fence {
    loop {
        match store.acquire(key, holder, ttl).await {
            Ok(fence) => return fence,
            Err(CheckpointError::Leased { ends_in, .. }) => {
                tokio::time::sleep(ends_in.min(Duration::from_millis(5))).await
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// `one` and `two` are two processes on the same states; `states` have the revisions from 1.
pub async fn check_leases<S: LeaseStore>(one: S, two: S, states: &[SyncState]) {
    let save = async |store: &S, state: &SyncState| save_plain(store, state).await;
    let first = one.acquire("k", "one", LONG).await.unwrap();
    assert!(is_leased(two.acquire("k", "two", LONG).await, "one"));
    assert!(is_leased(one.acquire("k", "one again", LONG).await, "one"), "not even by the same process");
    let other = two.acquire("other", "two", LONG).await.unwrap();
    assert!(is_leased(save(&two, &states[0]).await, "one"), "a save without the lease");
    one.save_leased("k", &states[0], first).await.unwrap();
    assert!(matches!(
        one.save_leased("k", &states[0], first).await,
        Err(CheckpointError::Conflict { expected: 0, found: 1 })
    ));
    assert!(one.renew("k", first, LONG).await.unwrap());

    one.release("k", first).await.unwrap();
    let second = two.acquire("k", "two", SHORT).await.unwrap();
    assert!(second > first);
    assert!(is_lost(one.save_leased("k", &states[1], first).await));
    assert!(!one.renew("k", first, LONG).await.unwrap());
    one.release("k", first).await.unwrap();
    two.save_leased("k", &states[1], second).await.unwrap();

    // The lease ends, and the other one takes it over. Until then its holder may save.
    let third = acquired(&one, "k", "one", SHORT).await;
    assert!(third > second);
    assert!(is_lost(two.save_leased("k", &states[2], second).await));
    acquired(&two, "probe", "two", SHORT).await;
    let probe = acquired(&two, "probe", "two", LONG).await;
    assert!(two.renew("probe", probe, SHORT).await.unwrap(), "a renewal may shorten a lease");
    one.save_leased("k", &states[2], third).await.unwrap();
    let fourth = acquired(&two, "k", "two", LONG).await;
    assert!(is_leased(one.acquire("k", "one", LONG).await, "two"));
    two.release("k", fourth).await.unwrap();
    save(&one, &states[3]).await.unwrap();
    assert!(is_leased(one.acquire("other", "one", LONG).await, "two"), "keys are kept apart");
    two.release("other", other).await.unwrap();

    // Many want one lease at the same time: one gets it.
    let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let wanted = names.iter().map(|name| one.acquire("race", name, LONG));
    let wanted = wanted.collect::<Vec<_>>();
    let also = names.iter().map(|name| two.acquire("race", name, LONG)).collect::<Vec<_>>();
    let (some, others) = futures::join!(futures::future::join_all(wanted), futures::future::join_all(also));
    let got = some.into_iter().chain(others).filter_map(Result::ok).count();
    assert_eq!(got, 1);
}

/// [`jobfeed::Checkpoint::save`], with the error that all stores of this crate have.
async fn save_plain(store: &impl LeaseStore, state: &SyncState) -> Result<(), CheckpointError> {
    store.save("k", state).await.map_err(|error| {
        let error: jobfeed::BoxError = error.into();
        *error.downcast::<CheckpointError>().unwrap()
    })
}
