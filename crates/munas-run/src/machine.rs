//! What the machine has for trainings.

use std::fs;

use munas_data::{Dataset, machine_memory};

/// What is taken for the machine's memory where the system does not tell.
const UNKNOWN: u64 = 4 << 30;
/// Bytes of the program itself, the journal and the heap's slack.
const PROGRAM: u64 = 96 << 20;
/// The share of the rest that trainings may take, in percent: other programs live there too.
const SHARE: u64 = 80;
/// A training of a small network takes a few megabytes: where there is less, trying does no harm.
const LEAST: u64 = 16 << 20;

/// What the machine has for a search: measured once, and then written into the experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Bytes that trainings side by side may take, beside the data.
    pub training_memory: u64,
    /// Multiply-accumulate operations of one inference of the largest network that is worth training; `None`: any.
    pub macs_per_training: Option<u64>,
}

impl Machine {
    /// This machine, or the control group of this process, however long a training takes.
    pub fn here(dataset: &Dataset) -> Self {
        Self { training_memory: memory_for_trainings(dataset), macs_per_training: None }
    }
}

/// Bytes that trainings side by side may take on this machine, or in the control group of this process, beside the data.
pub(crate) fn memory_for_trainings(dataset: &Dataset) -> u64 {
    beside(machine_memory().unwrap_or(UNKNOWN), dataset.sample_bytes() as u64)
}

/// How many processes the system has killed for want of memory since it started; `None` where it does not count.
pub(crate) fn memory_kills() -> Option<u64> {
    counted_kills(&fs::read_to_string("/proc/vmstat").ok()?)
}

fn counted_kills(statistics: &str) -> Option<u64> {
    statistics.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

fn beside(memory: u64, data: u64) -> u64 {
    (memory.saturating_sub(data).saturating_sub(PROGRAM) / 100 * SHARE).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::{beside, counted_kills};

    #[test]
    fn data_and_program_come_first() {
        assert_eq!(beside(2 << 30, 100 << 20), ((2048 - 196) << 20) / 100 * 80);
        assert_eq!(beside(1 << 20, 5 << 20), 16 << 20);
    }

    #[test]
    fn kills_are_those_of_all_processes() {
        assert_eq!(counted_kills("pgfault 81\noom_kill 7\ndrop_pagecache 0\n"), Some(7));
        assert_eq!(counted_kills("pgfault 81\noom_killer 7\n"), None);
    }
}
