//! How messages get to workers and back.

use std::time::Duration;

use super::message::ToWorker;
use super::wire::Packet;

/// How often a worker says that it is there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);

/// A worker, by a number that no other has.
pub(crate) type WorkerId = u64;

/// What happens to workers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LinkEvent {
    /// A worker has begun, on a machine where the link knows it; nothing was said to it yet.
    Joined {
        /// The worker.
        worker: WorkerId,
        /// What the link calls its machine; `None`: as it calls itself.
        node: Option<String>,
    },
    /// A worker has said something.
    Said {
        /// The worker.
        worker: WorkerId,
        /// What, undecoded.
        packet: Packet,
    },
    /// Nothing more comes from a worker, or from one that could not begin.
    Left {
        /// The worker.
        worker: WorkerId,
        /// Why, as far as it is known.
        reason: String,
    },
    /// Something that the user should know.
    Note(String),
    /// There are no workers, and there will be none.
    Broken {
        /// Why.
        problem: String,
        /// A way out, where there is one.
        hint: Option<String>,
    },
}

/// Starts workers, and carries messages. Dropping it ends all of them.
pub(crate) trait Link {
    /// What happens next, if something does within `timeout`. What a worker says comes in order, after its beginning and before its end.
    fn poll(&mut self, timeout: Duration) -> Option<LinkEvent>;

    /// Says something to a worker, without waiting until it listens; one that has gone is left alone.
    fn send(&mut self, worker: WorkerId, message: &ToWorker);

    /// Ends a worker, whatever it does. Its end is told.
    fn kill(&mut self, worker: WorkerId);

    /// Whether every worker is on this machine and shares its memory, and their number is fixed.
    fn is_local(&self) -> bool;
}
