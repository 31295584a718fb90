//! HTTP to a verified file.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use ureq::Agent;

use super::partial::partial_file;
use super::{PLANS, Plan, PlanContent, RemoteFile, unpack};
use crate::error::DataError;

/// A server that does not answer within this time is taken for dead.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// No dataset here takes longer on a line worth using; a connection that stalls ends at last.
const BODY_TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);
/// Progress is reported after each piece of this many bytes.
const PIECE: usize = 64 * 1024;

/// Where [`fetch`] gets a dataset from and puts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// Address of a folder that holds the files under their published names, instead of the canonical one.
    pub from: Option<String>,
    /// The data folder; the dataset becomes a folder in it.
    pub dest: PathBuf,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchProgress<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Bytes received of it.
    pub received: u64,
    /// Bytes that the published file has.
    pub total: u64,
}

/// Downloads a named dataset and returns its folder. Files that are there already and right are kept.
///
/// # Errors
/// [`DataError::Download`] when the server fails or the dataset has no known address, [`DataError::Checksum`] when
/// what arrives is not what was published, [`DataError::Io`] when it cannot be written.
pub fn fetch(
    name: &str,
    options: &FetchOptions,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<PathBuf, DataError> {
    match PLANS.iter().find(|plan| plan.name == name) {
        Some(plan) => run(plan, options, progress),
        None => {
            let known: Vec<&str> = PLANS.iter().map(|plan| plan.name).collect();
            Err(DataError::Option(format!(
                "no public address with a checksum is known for `{name}`; there are: {}",
                known.join(", ")
            )))
        }
    }
}

pub(super) fn run(
    plan: &Plan<'_>,
    options: &FetchOptions,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<PathBuf, DataError> {
    let folder = options.dest.join(plan.name);
    fs::create_dir_all(&folder).map_err(|error| DataError::io(&folder, error))?;
    if plan.content == PlanContent::CifarArchive && unpack::is_complete(&folder) {
        return Ok(folder);
    }
    let base = options.from.as_deref().unwrap_or(plan.base).trim_end_matches('/');
    let config = Agent::config_builder()
        .timeout_connect(Some(ANSWER_TIMEOUT))
        .timeout_recv_response(Some(ANSWER_TIMEOUT))
        .timeout_recv_body(Some(BODY_TIMEOUT));
    let agent = Agent::new_with_config(config.build());
    for file in plan.files {
        let place = folder.join(file.name);
        if holds(&place, file) {
            continue;
        }
        let url = format!("{base}/{}", file.name);
        let download = download(&agent, &url, file, &folder, progress)?;
        match plan.content {
            PlanContent::AsTheyAre => {
                download.persist(&place).map_err(|error| DataError::io(&place, error.error))?;
            }
            PlanContent::CifarArchive => unpack::cifar(download.path(), &folder)?,
        }
    }
    Ok(folder)
}

/// Whether `path` is the published file.
fn holds(path: &Path, file: &RemoteFile<'_>) -> bool {
    let right_size = fs::metadata(path).is_ok_and(|metadata| metadata.len() == file.bytes);
    right_size
        && File::open(path).is_ok_and(|mut reader| {
            let mut hasher = Sha256::new();
            io::copy(&mut reader, &mut HashWriter(&mut hasher)).is_ok() && hex(hasher) == file.sha256
        })
}

/// Downloads into a [`partial_file`].
fn download(
    agent: &Agent,
    url: &str,
    file: &RemoteFile<'_>,
    folder: &Path,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<NamedTempFile, DataError> {
    let failed = |problem: String| DataError::Download { url: url.to_owned(), problem };
    let response = agent.get(url).call().map_err(|error| failed(error.to_string()))?;
    // One byte more than published is enough to tell that the file is another.
    let mut body = response.into_body().into_reader().take(file.bytes + 1);
    let mut partial = partial_file(folder)?;
    let mut hasher = Sha256::new();
    let mut received = 0;
    let mut piece = vec![0; PIECE];
    loop {
        let got = body.read(&mut piece).map_err(|error| {
            failed(format!("the connection broke after {received} of {} bytes: {error}", file.bytes))
        })?;
        if got == 0 {
            break;
        }
        hasher.update(&piece[..got]);
        partial.write_all(&piece[..got]).map_err(|error| DataError::io(folder, error))?;
        received += got as u64;
        progress(FetchProgress { file: file.name, received, total: file.bytes });
    }
    if received != file.bytes {
        let more = if received > file.bytes { "more than " } else { "" };
        let received = received.min(file.bytes);
        return Err(failed(format!("{more}{received} bytes arrived, the published file has {}", file.bytes)));
    }
    let found = hex(hasher);
    if found != file.sha256 {
        return Err(DataError::Checksum { url: url.to_owned(), expected: file.sha256.to_owned(), found });
    }
    partial.as_file().sync_all().map_err(|error| DataError::io(folder, error))?;
    Ok(partial)
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The digest in lower-case hexadecimal.
pub(super) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
