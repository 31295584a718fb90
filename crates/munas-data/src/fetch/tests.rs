//! Downloads from a server on the loopback interface.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::download::{hex, run};
use super::*;
use crate::error::DataError;
use crate::readers::cifar;

/// What the server has under a path.
#[derive(Clone)]
enum Resource {
    Whole(Vec<u8>),
    /// Announces more than it sends, then closes the connection.
    Cut {
        announced: usize,
        sent: Vec<u8>,
    },
}

struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
}

/// Serves until the test process ends.
fn serve(resources: BTreeMap<&'static str, Resource>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::SeqCst);
            answer(stream, &resources);
        }
    });
    Server { address, requests }
}

fn answer(mut stream: TcpStream, resources: &BTreeMap<&'static str, Resource>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    reader.read_line(&mut request).unwrap();
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap().rsplit('/').next().unwrap();
    let (status, announced, body) = match resources.get(path) {
        Some(Resource::Whole(body)) => ("200 OK", body.len(), body.clone()),
        Some(Resource::Cut { announced, sent }) => ("200 OK", *announced, sent.clone()),
        None => ("404 Not Found", 0, Vec::new()),
    };
    // A client that has seen enough may be gone; that is no failure of the server.
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&body);
}

fn sha256(content: &[u8]) -> String {
    hex(Sha256::new_with_prefix(content))
}

/// Fetches one published file `a.gz` with `content` from a server that has `resource` in its place.
fn fetch_one(content: &[u8], resource: Option<Resource>, dest: &Path) -> Result<Vec<(u64, u64)>, DataError> {
    let server = serve(resource.map(|resource| ("a.gz", resource)).into_iter().collect());
    let sha256 = sha256(content);
    let files = [RemoteFile { name: "a.gz", bytes: content.len() as u64, sha256: &sha256 }];
    let plan =
        Plan { name: "set", base: "http://127.0.0.1:9", files: &files, content: PlanContent::AsTheyAre };
    let options =
        FetchOptions { from: Some(format!("{}/mirror/", server.address)), dest: dest.to_path_buf() };
    let mut steps = Vec::new();
    run(&plan, &options, &mut |progress| steps.push((progress.received, progress.total)))?;
    Ok(steps)
}

fn names_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_arrives_with_progress_under_its_name() {
    let dest = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..200_000_u32).map(|index| (index % 251) as u8).collect();
    let steps = fetch_one(&content, Some(Resource::Whole(content.clone())), dest.path()).unwrap();
    assert_eq!(steps.last(), Some(&(200_000, 200_000)));
    assert!(steps.is_sorted() && steps.len() >= 3);
    let place = dest.path().join("set/a.gz");
    assert_eq!(fs::read(&place).unwrap(), content);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let plain =
            fs::File::create(dest.path().join("plain")).unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(
            fs::metadata(&place).unwrap().permissions().mode(),
            plain,
            "as any other file of the user"
        );
    }
}

#[test]
fn another_file_is_refused_and_not_kept() {
    let dest = tempfile::tempdir().unwrap();
    let refused = |resource| {
        let error = fetch_one(b"published", resource, dest.path()).unwrap_err();
        assert_eq!(names_in(&dest.path().join("set")), Vec::<String>::new());
        error
    };
    let error = refused(Some(Resource::Whole(b"publishes".to_vec())));
    assert!(matches!(&error, DataError::Checksum { url, .. } if url.ends_with("/mirror/a.gz")), "{error}");
    let error = refused(Some(Resource::Whole(b"publ".to_vec())));
    assert!(error.to_string().contains("4 bytes arrived, the published file has 9"), "{error}");
    let error = refused(Some(Resource::Whole(b"published and more".to_vec())));
    assert!(error.to_string().contains("more than 9 bytes arrived"), "{error}");
    let error = refused(Some(Resource::Cut { announced: 9, sent: b"publ".to_vec() }));
    assert!(matches!(error, DataError::Download { .. }), "{error}");
    let error = refused(None);
    assert!(error.to_string().contains("404"), "{error}");
}

#[test]
fn what_is_there_and_right_is_not_fetched_again() {
    let dest = tempfile::tempdir().unwrap();
    fetch_one(b"published", Some(Resource::Whole(b"published".to_vec())), dest.path()).unwrap();
    assert!(fetch_one(b"published", None, dest.path()).unwrap().is_empty());
    fs::write(dest.path().join("set/a.gz"), b"publishes").unwrap();
    fetch_one(b"published", Some(Resource::Whole(b"published".to_vec())), dest.path()).unwrap();
    assert_eq!(fs::read(dest.path().join("set/a.gz")).unwrap(), b"published");
}

/// A .tar.gz with the six files (of `bytes` zeros) and a stranger.
fn cifar_archive(bytes: u64) -> Vec<u8> {
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(encoder);
    let mut append = |name: String, bytes: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, std::io::Read::take(std::io::repeat(0), bytes)).unwrap();
    };
    append("cifar-10-batches-bin/readme.html".to_owned(), 88);
    for file in cifar::FILES {
        append(format!("cifar-10-batches-bin/{file}"), bytes);
    }
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn the_cifar_archive_is_unpacked_once() {
    let archive = cifar_archive(cifar::PUBLISHED_BYTES);
    let server = serve([("cifar.tar.gz", Resource::Whole(archive.clone()))].into());
    let dest = tempfile::tempdir().unwrap();
    let sha256 = sha256(&archive);
    let files = [RemoteFile { name: "cifar.tar.gz", bytes: archive.len() as u64, sha256: &sha256 }];
    let plan =
        Plan { name: "cifar10", base: &server.address, files: &files, content: PlanContent::CifarArchive };
    let options = FetchOptions { from: None, dest: dest.path().to_path_buf() };
    for _ in 0..2 {
        let folder = run(&plan, &options, &mut |_| {}).unwrap();
        let mut names = names_in(&folder);
        names.sort();
        assert_eq!(names, cifar::FILES);
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[test]
fn an_archive_with_files_of_another_size_is_refused() {
    let dest = tempfile::tempdir().unwrap();
    let archive = dest.path().join("archive.tar.gz");
    fs::write(&archive, cifar_archive(3073)).unwrap();
    let error = unpack::cifar(&archive, dest.path()).unwrap_err();
    assert!(error.to_string().contains("in full size"), "{error}");
}

#[test]
fn unknown_names_are_answered_with_the_known() {
    let options = FetchOptions { from: None, dest: "nowhere".into() };
    let error = fetch("uci-har", &options, &mut |_| {}).unwrap_err();
    assert!(error.to_string().ends_with("there are: mnist, fashion-mnist, cifar10"), "{error}");
    assert!(!Path::new("nowhere").exists());
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn published_checksums_are_those_of_the_files_at_hand() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data_dir = std::env::var_os("MUNAS_DATA").map_or(beside, Into::into);
    for plan in PLANS {
        for file in plan.files {
            let Ok(content) = fs::read(data_dir.join(plan.name).join(file.name)) else {
                eprintln!("skipped: {}/{} is not there", plan.name, file.name);
                continue;
            };
            assert_eq!((content.len() as u64, sha256(&content)), (file.bytes, file.sha256.to_owned()));
        }
    }
}
