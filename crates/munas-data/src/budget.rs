//! How much memory samples may take. What a header or a count of files promises is checked before anything of that size is
//! reserved or decoded, so that data which do not fit are an early error and not a machine that swaps.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use crate::error::DataError;

/// The share of the machine's memory (or of the control group's) that samples may take when nothing else is asked for.
const SHARE: u64 = 2;
/// What is taken for the machine's memory where the system does not tell.
const UNKNOWN: u64 = 8 << 30;

/// Bytes that the samples of a dataset, with everything that is held to read them, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    bytes: u64,
}

impl Budget {
    /// The budget that was asked for, or half of the memory that there is.
    pub(crate) fn new(asked: Option<u64>) -> Self {
        let bytes = asked.unwrap_or_else(|| machine_memory().unwrap_or(UNKNOWN) / SHARE);
        Self { bytes }
    }

    /// The budget, or `most` where that is less.
    pub(crate) fn at_most(self, most: u64) -> u64 {
        self.bytes.min(most)
    }

    /// Fails if `what` (said in the message, as in "600 samples of 96x96x3") would take more `bytes` than there may be.
    pub(crate) fn check(self, path: &Path, what: impl Display, bytes: u64) -> Result<(), DataError> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let (path, what) = (path.to_path_buf(), what.to_string());
        Err(DataError::TooLarge { path, what, bytes, budget: self.bytes })
    }
}

/// Bytes of memory of the machine, or of the control group of this process where that is less; `None` where the system does
/// not tell.
pub fn machine_memory() -> Option<u64> {
    available(Path::new("/"))
}

/// The same; `root` is the file system's.
fn available(root: &Path) -> Option<u64> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kibibytes.checked_mul(1024)
    })?;
    Some(group_limits(root).chain(process_limit(root)).fold(machine, u64::min))
}

/// The limit of `ulimit -v`.
fn process_limit(root: &Path) -> Option<u64> {
    let limits = fs::read_to_string(root.join("proc/self/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The limits of this process's control group and of all above it, of both versions of the interface.
fn group_limits(root: &Path) -> impl Iterator<Item = u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (folder, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        for group in Path::new(group.trim_start_matches('/')).ancestors() {
            let limit = fs::read_to_string(root.join(folder).join(group).join(file));
            // No file, or the text `max`: no limit.
            limits.extend(limit.ok().and_then(|text| text.trim().parse::<u64>().ok()));
        }
    }
    limits.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        available(root.path())
    }

    #[test]
    fn the_least_of_machine_and_control_groups_counts() {
        let machine = ("proc/meminfo", "MemTotal:        4000 kB\nMemFree:  1 kB\n");
        assert_eq!(system(&[]), None);
        assert_eq!(system(&[machine]), Some(4_096_000));
        let second = ("proc/self/cgroup", "0::/user/app\n");
        assert_eq!(system(&[machine, second]), Some(4_096_000));
        let unlimited = ("sys/fs/cgroup/user/app/memory.max", "max\n");
        let above = ("sys/fs/cgroup/user/memory.max", "70000\n");
        assert_eq!(system(&[machine, second, unlimited, above]), Some(70_000));
        let first = ("proc/self/cgroup", "5:cpu:/box\n4:hugetlb,memory:/box\n");
        let limit = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "50000\n");
        let own = ("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(system(&[machine, first, limit, own]), Some(50_000));
        let unlimited = "Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(system(&[machine, ("proc/self/limits", unlimited)]), Some(4_096_000));
        let process = "Max cpu time  1 2 seconds\nMax address space         80000                unlimited            bytes\n";
        assert_eq!(system(&[machine, ("proc/self/limits", process)]), Some(80_000));
    }

    #[test]
    fn what_does_not_fit_is_said_with_both_sizes() {
        let path = Path::new("photos");
        assert!(Budget::new(Some(100)).check(path, "samples", 100).is_ok());
        let error = Budget::new(Some(2_000_000)).check(path, "600 samples of 64x64x3", 7_372_800);
        assert_eq!(
            error.unwrap_err().to_string(),
            "photos: 600 samples of 64x64x3 take 7.37 MB of memory, more than the 2.00 MB that data may take"
        );
        assert!(Budget::new(None).check(path, "anything", u64::MAX).is_err());
    }
}
