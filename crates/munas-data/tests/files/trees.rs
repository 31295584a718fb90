//! Folders as people have them: what is a class, a part or a group, and what is none of these.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::ImageFormat;
use munas_data::{DataError, Dataset, LoadOptions, Split, load};
use tempfile::TempDir;

use crate::fabricate::photographs;

/// A picture of one value, by which it is known again.
fn picture(value: u8) -> Vec<u8> {
    photographs::image(ImageFormat::Png, 2, 2, [value, 0, 255])
}

/// A tree of pictures at these paths; each has its number as its first value.
fn tree(paths: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (number, path) in paths.iter().enumerate() {
        write(root.path(), path, &picture(number as u8));
    }
    root
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Paths of `count` pictures in each of these folders.
fn paths(folders: &[&str], count: usize) -> Vec<String> {
    folders.iter().flat_map(|folder| (0..count).map(move |take| format!("{folder}/{take}.png"))).collect()
}

fn many(folders: &[&str], count: usize) -> TempDir {
    tree(&paths(folders, count).iter().map(String::as_str).collect::<Vec<_>>())
}

fn read(root: &TempDir) -> Result<Dataset, DataError> {
    load(&format!("images:{}", root.path().display()), &LoadOptions::default())
}

fn counts(dataset: &Dataset) -> (usize, usize, usize) {
    (dataset.train.len(), dataset.validation.len(), dataset.test.len())
}

#[track_caller]
fn refused(root: &TempDir, parts: &[&str]) {
    let error = read(root).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "`{error}` does not say `{part}`");
    }
}

#[track_caller]
fn warned(dataset: &Dataset, parts: &[&str]) {
    let said: Vec<String> = dataset.warnings.iter().map(ToString::to_string).collect();
    for part in parts {
        assert!(said.iter().any(|text| text.contains(part)), "{said:?} does not say `{part}`");
    }
}

#[test]
fn what_other_programs_leave_behind_is_no_data() {
    let root = many(&["a", "b"], 5);
    for junk in [
        "__MACOSX/a/._0.png",
        "a/._0.png",
        "a/.DS_Store",
        "a/Thumbs.db",
        "b/desktop.ini",
        "b/@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg",
        ".ipynb_checkpoints/x.png",
        "$RECYCLE.BIN/desktop.ini",
    ] {
        write(root.path(), junk, b"junk");
    }
    let dataset = read(&root).unwrap();
    assert_eq!((dataset.class_names.join(" "), dataset.warnings.len()), ("a b".to_owned(), 0));
    assert_eq!(dataset.train.len() + dataset.validation.len() + dataset.test.len(), 10);
}

#[test]
fn parts_are_known_by_many_names() {
    for [train, validation, test] in [
        ["train", "val", "test"],
        ["Training", "Validation", "Testing"],
        ["TRAIN", "valid", "Test"],
        ["training", "dev", "TESTING"],
    ] {
        let folders = [train, validation, test].map(|part| ["a", "b"].map(|class| format!("{part}/{class}")));
        let root = many(&folders.as_flattened().iter().map(String::as_str).collect::<Vec<_>>(), 3);
        let dataset = read(&root).unwrap();
        assert_eq!((counts(&dataset), dataset.warnings.len()), ((6, 6, 6), 0), "{train}");
    }
}

#[test]
fn parts_that_cannot_be_meant_are_errors() {
    let both = many(&["train/a", "train/b", "Training/a"], 2);
    refused(&both, &["Training", "train", "are both folders of the same part"]);
    refused(&many(&["Testing/a", "Testing/b"], 2), &["Testing", "there is no folder `train`"]);
    refused(&many(&["train", "test"], 2), &["no folders in it; a folder per class is needed"]);
    refused(&many(&["train/a", "train/b", "test/c"], 2), &["test/c", "no such class"]);
}

#[test]
fn a_class_may_have_the_name_of_a_part() {
    let dataset = read(&many(&["car", "plane", "train"], 5)).unwrap();
    assert_eq!(dataset.class_names, ["car", "plane", "train"]);
}

#[test]
fn what_is_not_used_is_named() {
    let root = many(&["train/a", "train/b", "test", "unlabelled/x"], 3);
    write(root.path(), "labels.txt", b"a\nb\n");
    write(root.path(), "train/a/notes.md", b"taken in the garden");
    let dataset = read(&root).unwrap();
    assert_eq!(counts(&dataset), (2, 2, 2));
    warned(
        &dataset,
        &[
            "4 files and folders are not used",
            "labels.txt (a file beside the folders)",
            "test (no folders of classes in it)",
            "unlabelled (a folder beside the parts)",
            "train/a/notes.md (another kind of file)",
        ],
    );
}

#[test]
fn classes_without_pictures_are_errors_that_name_them() {
    let root = many(&["a", "b"], 3);
    fs::create_dir(root.path().join("c")).unwrap();
    refused(&root, &["class `c` has no pictures: its folder is empty"]);
    write(root.path(), "c/notes.txt", b"none yet");
    refused(&root, &["class `c` has no pictures in its folder, but c/notes.txt (another kind of file)"]);
    write(root.path(), "c/bad.png", b"no picture");
    let options = LoadOptions { skip_bad: true, ..LoadOptions::default() };
    let source = format!("images:{}", root.path().display());
    let error = load(&source, &options).unwrap_err().to_string();
    assert!(error.contains("class `c` is empty: all of its pictures were left out"), "{error}");
    refused(&tempfile::tempdir().unwrap(), &["no folders in it"]);
    // In another part than the training part a class may be missing.
    let root = many(&["train/a", "train/b", "test/a"], 3);
    fs::create_dir(root.path().join("test/b")).unwrap();
    assert_eq!(read(&root).unwrap().test.class_counts(2), [3, 0]);
}

#[test]
fn folders_that_wrap_the_tree_are_passed_through() {
    let root = many(&["archive/set/train/a", "archive/set/train/b", "archive/set/test/a"], 3);
    write(root.path(), "archive/README.txt", b"read me");
    let dataset = read(&root).unwrap();
    assert_eq!((dataset.class_names.join(" "), dataset.test.len()), ("a b".to_owned(), 3));
    warned(&dataset, &["the classes are taken from", "archive/README.txt (a file beside the folders)"]);
}

/// First values of the samples of a split: the numbers of its pictures.
fn numbers(split: &Split) -> BTreeSet<usize> {
    (0..split.len()).map(|index| split.sample(index).get(0) as usize).collect()
}

#[test]
fn groups_stay_on_one_side_of_every_draw() {
    // Six sessions, in which both classes were taken.
    let folders: Vec<String> = ["a", "b"]
        .iter()
        .flat_map(|class| (0..6).map(move |session| format!("{class}/s{session}")))
        .collect();
    let root = many(&folders.iter().map(String::as_str).collect::<Vec<_>>(), 5);
    let dataset = read(&root).unwrap();
    assert_eq!((dataset.class_names.join(" "), dataset.group_names.len()), ("a b".to_owned(), 6));
    assert_eq!(counts(&dataset), (40, 10, 10));
    warned(
        &dataset,
        &["few groups: the validation part has 1 of the 5 that are for training and validation"],
    );
    let sessions = |split: &Split| -> BTreeSet<usize> {
        numbers(split).into_iter().map(|number| number / 5 % 6).collect()
    };
    let [train, validation, test] = [&dataset.train, &dataset.validation, &dataset.test].map(sessions);
    assert_eq!((train.len(), validation.len(), test.len()), (4, 1, 1));
    assert!(train.is_disjoint(&validation) && train.is_disjoint(&test) && validation.is_disjoint(&test));
    for split in [&dataset.validation, &dataset.test] {
        assert_eq!(split.class_counts(2), [5, 5]);
    }
    // The test part is the same for every seed.
    let source = format!("images:{}", root.path().display());
    let other = load(&source, &LoadOptions { seed: 9, ..LoadOptions::default() }).unwrap();
    assert_eq!(sessions(&other.test), test);
}

#[test]
fn too_few_groups_are_said() {
    let dataset = read(&many(&["a/s1", "a/s2", "b/s1", "b/s2"], 10)).unwrap();
    assert_eq!(counts(&dataset), (18, 2, 20));
    warned(&dataset, &["too few groups: class `a` cannot be in the training and the validation part"]);
    // A folder that all classes have tells nothing apart.
    let dataset = read(&many(&["a/images", "b/images"], 10)).unwrap();
    assert_eq!((counts(&dataset), dataset.group_names.len(), dataset.warnings.len()), ((14, 2, 4), 0, 0));
    let deeper = many(&["a/s1", "a/s2", "b/s1", "b/s2", "b/s2/more"], 10);
    warned(&read(&deeper).unwrap(), &["b/s2/more (a folder in a group)"]);
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn pipes_and_sockets_are_never_opened() {
        let root = many(&["a", "b"], 3);
        for pipe in ["a/pipe.png", "pipe", "b/pipe"] {
            assert!(Command::new("mkfifo").arg(root.path().join(pipe)).status().unwrap().success());
        }
        let _socket = UnixListener::bind(root.path().join("a/socket.png")).unwrap();
        symlink("/dev/zero", root.path().join("b/zero.png")).unwrap();
        let dataset = read(&root).unwrap();
        assert_eq!(dataset.train.len() + dataset.validation.len() + dataset.test.len(), 6);
        warned(
            &dataset,
            &[
                "5 files and folders",
                "a/pipe.png (a pipe)",
                "a/socket.png (a socket)",
                "b/zero.png (a device)",
            ],
        );
    }

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let root = many(&["a", "b"], 3);
        let elsewhere = many(&["c"], 3);
        symlink(elsewhere.path().join("c"), root.path().join("c")).unwrap();
        symlink(root.path(), root.path().join("a/again")).unwrap();
        symlink("..", root.path().join("up")).unwrap();
        let dataset = read(&root).unwrap();
        assert_eq!(dataset.class_names, ["a", "b", "c"]);
        warned(&dataset, &["a/again (a link to a folder above it)", "up (a link to a folder above it)"]);
        symlink("nowhere.png", root.path().join("a/broken.png")).unwrap();
        symlink("self.png", root.path().join("a/self.png")).unwrap();
        refused(&root, &["2 of 11 refused", "a/broken.png: a link that leads nowhere", "a/self.png: "]);
    }

    #[test]
    fn names_that_are_no_unicode_are_read_as_files_and_refused_as_classes() {
        let root = many(&["a", "b"], 3);
        fs::write(root.path().join("a").join(OsStr::from_bytes(b"\xff\xfe.png")), picture(9)).unwrap();
        assert_eq!(read(&root).unwrap().train.len(), 3);
        fs::create_dir(root.path().join(OsStr::from_bytes(b"caf\xe9"))).unwrap();
        refused(&root, &["its name is not Unicode, which a class needs"]);
    }
}
