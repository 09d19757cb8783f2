//! Memory for long bodies, which the pages of one stream or run use one after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::runtime::{Handle, RuntimeFlavor};

/// From this length on, a body gets a block of its own from the system.
const LONG_BODY: usize = 4 << 20;
/// The C library of Linux returns a larger block to the system as soon as it is freed. A smaller one may stay with the heap of
/// the thread that allocated it, and on a runtime of several threads each of them keeps some. Memory that is not written to
/// is not used.
const RETURNED_WHEN_FREED: usize = 33 << 20;

/// The block for the next long body, while no body is in it. The system clears the memory of a new block when it is first written
/// to, which takes about as long as it takes to copy the body.
#[derive(Debug, Clone, Default)]
pub(super) struct BodyMemory(Arc<Mutex<Spare>>);

#[derive(Debug, Default)]
struct Spare {
    block: Vec<u8>,
    /// The length of the last long body, for those whose length is not announced.
    length: usize,
}

impl BodyMemory {
    /// An empty block for a body of this length, where it is announced.
    pub(super) fn take(&self, announced: Option<usize>) -> Vec<u8> {
        let mut spare = lock(&self.0);
        let length = announced.unwrap_or(spare.length);
        if length < LONG_BODY || !has_threads() {
            return Vec::with_capacity(length);
        }
        let block = std::mem::take(&mut spare.block);
        if block.capacity() >= length { block } else { Vec::with_capacity(length.max(RETURNED_WHEN_FREED)) }
    }

    /// The whole body. Its block is used again as soon as nobody has a part of the body.
    pub(super) fn keep(&self, body: Vec<u8>) -> Bytes {
        if body.len() >= LONG_BODY {
            lock(&self.0).length = body.len();
        }
        if body.capacity() < RETURNED_WHEN_FREED {
            return body.into();
        }
        Bytes::from_owner(LongBody { body, memory: Arc::downgrade(&self.0) })
    }
}

fn has_threads() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() != RuntimeFlavor::CurrentThread)
}

/// A panic while the lock was held cannot make the block invalid.
fn lock(spare: &Mutex<Spare>) -> MutexGuard<'_, Spare> {
    spare.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body in a block, which goes back when this is dropped.
struct LongBody {
    body: Vec<u8>,
    /// Gone when the stream is dropped: the block is then freed.
    memory: Weak<Mutex<Spare>>,
}

impl AsRef<[u8]> for LongBody {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for LongBody {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.upgrade() {
            self.body.clear();
            lock(&memory).block = std::mem::take(&mut self.body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(memory: &BodyMemory, announced: Option<usize>, length: usize) -> Bytes {
        let mut block = memory.take(announced);
        block.resize(length, b' ');
        memory.keep(block)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_body_uses_the_block_of_one_that_is_gone() {
        let memory = BodyMemory::default();
        let first = body(&memory, Some(LONG_BODY), LONG_BODY);
        let at = first.as_ptr();
        let part = first.slice(7..9);
        let second = body(&memory, Some(LONG_BODY), LONG_BODY);
        assert_ne!(second.as_ptr(), at, "somebody has the first one");
        drop(first);
        assert_ne!(body(&memory, Some(LONG_BODY), LONG_BODY).as_ptr(), at, "and now a part of it");
        assert_eq!(&*part, b"  ");
        drop(part);
        assert!(lock(&memory.0).block.capacity() >= RETURNED_WHEN_FREED, "kept for the next body");
        let again = body(&memory, None, 9);
        assert_eq!(
            (again.as_ptr(), &*again),
            (at, &b"         "[..]),
            "a length that is not announced is that of the last one"
        );
        drop(again);
        let longer = body(&memory, Some(40 << 20), 40 << 20);
        assert_eq!(longer.len(), 40 << 20, "a block that is too small is not used");
        drop(memory);
        assert_eq!(longer.first(), Some(&b' '), "a body outlives its stream");
    }

    #[tokio::test]
    async fn short_bodies_and_runtimes_of_one_thread_have_no_block() {
        let memory = BodyMemory::default();
        assert_eq!(memory.take(Some(10)).capacity(), 10);
        assert_eq!(memory.take(Some(LONG_BODY)).capacity(), LONG_BODY);
    }
}
