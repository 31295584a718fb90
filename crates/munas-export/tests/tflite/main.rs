//! TensorFlow Lite files: written ones against the host executor, those of others against their runtime's memory.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

#[path = "../c/activated.rs"]
mod activated;
mod equality;
mod files;
mod malformed;
mod metadata;
#[path = "../c/networks.rs"]
mod networks;
mod written;

use munas_export::tflite::ModelCost;

/// The runtime aligns every tensor in its arena to so many bytes.
const ALIGNMENT: u64 = 16;

/// The peak of a file's order with tensors as large as they are in the runtime's arena.
fn aligned_peak(cost: &ModelCost) -> u64 {
    let steps = cost
        .file_order
        .steps
        .iter()
        .map(|step| step.live.iter().map(|tensor| tensor.bytes.next_multiple_of(ALIGNMENT)).sum::<u64>());
    steps.max().unwrap_or(0)
}

/// A number from the environment.
fn setting(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}
