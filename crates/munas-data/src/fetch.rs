//! Downloads of the named datasets whose public address and checksum are known.
//!
//! A file is written beside its place, its SHA-256 is compared with the published one, and only then is it renamed:
//! what lies under its final name is complete and right. The same holds for mirrors.
//!
//! Downloading needs the cargo feature `fetch` (HTTP and TLS); without it only the table below is there.

#[cfg(feature = "fetch")]
mod download;
#[cfg(feature = "fetch")]
mod partial;
#[cfg(feature = "fetch")]
mod unpack;

#[cfg(feature = "fetch")]
pub use download::{FetchOptions, FetchProgress, fetch};

/// Where a dataset comes from.
#[cfg_attr(not(feature = "fetch"), expect(dead_code, reason = "all but the name is for downloading"))]
#[derive(Debug, Clone, Copy)]
struct Plan<'a> {
    name: &'a str,
    /// Address of the folder that holds the files.
    base: &'a str,
    files: &'a [RemoteFile<'a>],
    content: PlanContent,
}

/// A file as published.
#[cfg_attr(not(feature = "fetch"), expect(dead_code, reason = "for downloading"))]
#[derive(Debug, Clone, Copy)]
struct RemoteFile<'a> {
    name: &'a str,
    bytes: u64,
    /// Hexadecimal, lower case.
    sha256: &'a str,
}

/// What is done with the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlanContent {
    /// They are what is read.
    AsTheyAre,
    /// The one file is a .tar.gz of CIFAR-10's binary files.
    CifarArchive,
}

/// Sizes and checksums are those that the datasets' pages and the mainstream frameworks publish.
const PLANS: &[Plan<'static>] = &[
    Plan {
        name: "mnist",
        base: "https://storage.googleapis.com/cvdf-datasets/mnist",
        files: &[
            RemoteFile {
                name: "train-images-idx3-ubyte.gz",
                bytes: 9_912_422,
                sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            },
            RemoteFile {
                name: "train-labels-idx1-ubyte.gz",
                bytes: 28_881,
                sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            },
            RemoteFile {
                name: "t10k-images-idx3-ubyte.gz",
                bytes: 1_648_877,
                sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            },
            RemoteFile {
                name: "t10k-labels-idx1-ubyte.gz",
                bytes: 4_542,
                sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            },
        ],
        content: PlanContent::AsTheyAre,
    },
    Plan {
        name: "fashion-mnist",
        base: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        files: &[
            RemoteFile {
                name: "train-images-idx3-ubyte.gz",
                bytes: 26_421_880,
                sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            },
            RemoteFile {
                name: "train-labels-idx1-ubyte.gz",
                bytes: 29_515,
                sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            },
            RemoteFile {
                name: "t10k-images-idx3-ubyte.gz",
                bytes: 4_422_102,
                sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            },
            RemoteFile {
                name: "t10k-labels-idx1-ubyte.gz",
                bytes: 5_148,
                sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            },
        ],
        content: PlanContent::AsTheyAre,
    },
    Plan {
        name: "cifar10",
        base: "https://www.cs.toronto.edu/~kriz",
        files: &[RemoteFile {
            name: "cifar-10-binary.tar.gz",
            bytes: 170_052_171,
            sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        }],
        content: PlanContent::CifarArchive,
    },
];

/// Whether it is known where to get a dataset.
pub(crate) fn is_fetchable(name: &str) -> bool {
    PLANS.iter().any(|plan| plan.name == name)
}

#[cfg(test)]
#[cfg(feature = "fetch")]
mod tests;
