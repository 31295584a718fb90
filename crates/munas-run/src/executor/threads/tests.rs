//! The suite for backends, over threads.

use std::thread;

use super::*;
use crate::executor::backend::conformance::{self, Use};

fn with_threads(evaluator: &dyn Evaluator, use_backend: Use<'_>) {
    thread::scope(|scope| use_backend(&mut Threads::new(scope, evaluator, Duration::ZERO)));
}

#[test]
fn threads_pass_the_suite_for_backends() {
    conformance::check(&with_threads);
}
