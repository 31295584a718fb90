//! Samples that belong together: found in tables, archives, trees and names of files, and never on two sides of a split.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use munas_data::{DataError, Dataset, GroupChoice, LoadOptions, Split, load};
use tempfile::{TempDir, tempdir};

use crate::fabricate::{self, pictures, recordings};

fn by(name: &str) -> LoadOptions {
    LoadOptions { groups: name.parse().unwrap(), ..LoadOptions::default() }
}

fn csv(text: &str, options: &LoadOptions) -> Result<Dataset, DataError> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    load(&format!("csv:{}", path.display()), options)
}

/// 240 rows of two classes by so many subjects, all in disorder. The second feature is the subject too, to tell rows apart.
fn table(head: &str, subjects: usize, subject: impl Fn(usize) -> String) -> String {
    let mut text = format!("{head}\n");
    for row in 0..240 {
        let (of, class) = (row * 7 % subjects, row * 13 % 5 % 2);
        writeln!(text, "{},{}.5,{of}.25,{}", subject(of), row % 9, ["walk", "sit"][class]).unwrap();
    }
    text
}

/// The groups of a part.
fn groups(split: &Split) -> BTreeSet<Option<u32>> {
    (0..split.len()).map(|index| split.group(index)).collect()
}

/// No group is in two parts; the number of groups in each.
#[track_caller]
fn apart(dataset: &Dataset) -> [usize; 3] {
    let parts = [&dataset.train, &dataset.validation, &dataset.test];
    let [train, validation, test] = parts.map(groups);
    assert!(train.is_disjoint(&validation) && train.is_disjoint(&test) && validation.is_disjoint(&test));
    assert!([&train, &validation, &test].iter().all(|groups| !groups.contains(&None)));
    for part in parts {
        assert!(part.class_counts(dataset.classes()).iter().all(|&count| count > 0), "{part:?}");
    }
    parts.map(Split::groups)
}

#[track_caller]
fn warned(dataset: &Dataset, parts: &[&str]) {
    let said: Vec<String> = dataset
        .warnings
        .iter()
        .map(|warning| format!("{warning} {}", warning.hint.as_deref().unwrap_or_default()))
        .collect();
    for part in parts {
        assert!(said.iter().any(|said| said.contains(part)), "`{part}` is not in {said:#?}");
    }
}

#[track_caller]
fn refused(result: Result<Dataset, DataError>, parts: &[&str]) {
    let error = result.map(|dataset| dataset.fingerprint).unwrap_err();
    let text = format!("{error} {}", error.hint().unwrap_or_default());
    parts.iter().for_each(|part| assert!(text.contains(part), "`{text}` does not say `{part}`"));
}

#[test]
fn a_column_of_subjects_keeps_their_rows_together() {
    let text = table("subject,a,b,kind", 30, |subject| (100 + subject).to_string());
    let dataset = csv(&text, &LoadOptions::default()).unwrap();
    assert_eq!(dataset.input, [1, 1, 2], "it is no feature");
    let [train, validation, test] = apart(&dataset);
    assert_eq!((train + validation + test, dataset.group_names.len()), (30, 30));
    assert!(validation >= 5 && test >= 4, "{validation} {test}");
    warned(
        &dataset,
        &["column 1 (`subject`) says which rows belong together (30 groups)", "`--groups none`"],
    );
    // The second feature tells the subject.
    let told =
        |split: &Split| (0..split.len()).map(|at| split.sample(at).get(1) as u32).collect::<BTreeSet<_>>();
    assert!(told(&dataset.train).is_disjoint(&told(&dataset.validation)));
    assert!(told(&dataset.train).is_disjoint(&told(&dataset.test)));

    let none = csv(&text, &by("none")).unwrap();
    assert_eq!((none.input, none.group_names.len(), none.warnings.len()), ([1, 1, 3], 0, 0));
    assert!(!told(&none.train).is_disjoint(&told(&none.validation)));
    let before = csv(&text, &by("level-share")).unwrap();
    assert_eq!(before.fingerprint, none.fingerprint, "runs of the first version know no such column");
}

#[test]
fn columns_of_groups_may_be_texts_and_are_found_by_name_or_asked_for() {
    for head in [
        "Subject ID,a,b,kind",
        "speaker,a,b,kind",
        "user,a,b,kind",
        "session_no,a,b,kind",
        "device-id,a,b,kind",
    ] {
        let dataset =
            csv(&table(head, 20, |subject| format!("p{subject}")), &LoadOptions::default()).unwrap();
        assert_eq!(apart(&dataset).iter().sum::<usize>(), 20, "{head}");
        assert_eq!(dataset.class_names, ["sit", "walk"]);
    }
    let room = table("room,a,b,kind", 20, |subject| format!("p{subject}"));
    refused(csv(&room, &LoadOptions::default()), &["column 1 (`room`) holds texts"]);
    for name in ["room", "1"] {
        apart(&csv(&room, &by(name)).unwrap());
    }
    refused(
        csv(&room, &by("kitchen")),
        &["data.groups: no column `kitchen`; there are: room, a, b, kind", "--groups none"],
    );
    let labelled = table("room,a,b,label", 20, |subject| format!("p{subject}"));
    refused(csv(&labelled, &by("label")), &["data.groups: column 4 (`label`) holds the labels"]);
}

#[test]
fn columns_that_only_look_like_groups_are_said() {
    let few =
        csv(&table("session,a,b,kind", 2, |subject| subject.to_string()), &LoadOptions::default()).unwrap();
    assert_eq!((few.input, few.group_names.len()), ([1, 1, 2], 0));
    warned(&few, &["column 1 (`session`) is named as groups are, but has 2 values only: it is left out"]);
    let row = std::cell::Cell::new(0);
    let next = |_| {
        row.set(row.get() + 1);
        row.get().to_string()
    };
    let each = csv(&table("user_id,a,b,kind", 20, next), &LoadOptions::default()).unwrap();
    assert_eq!((each.input, each.group_names.len()), ([1, 1, 2], 0));
    warned(&each, &["no two rows belong together by it"]);
    let measured =
        csv(&table("session,a,b,kind", 20, |at| format!("{at}.5")), &LoadOptions::default()).unwrap();
    assert_eq!(
        (measured.input, measured.warnings.len()),
        ([1, 1, 3], 0),
        "lengths of sessions are a feature"
    );
}

#[test]
fn few_groups_are_said() {
    let dataset =
        csv(&table("subject,a,b,kind", 8, |subject| subject.to_string()), &LoadOptions::default()).unwrap();
    let [_, validation, _] = apart(&dataset);
    assert!((1..5).contains(&validation));
    warned(&dataset, &["few groups: the validation part has"]);
}

fn bytes(values: impl IntoIterator<Item = usize>) -> Vec<u8> {
    values.into_iter().map(|value| value as u8).collect()
}

fn npz(arrays: &[(&str, Vec<u8>)], options: &LoadOptions) -> Result<Dataset, DataError> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("data.npz");
    fs::write(&path, fabricate::npz(arrays)).unwrap();
    load(&format!("npz:{}", path.display()), options)
}

/// 200 training samples of 25 subjects, and 40 test samples of five others.
fn archive(with: &str) -> Vec<(&'static str, Vec<u8>)> {
    let u8s = |count: usize, value: &dyn Fn(usize) -> usize| {
        fabricate::npy("|u1", &format!("({count},)"), &bytes((0..count).map(value)))
    };
    let x = |count: usize| {
        fabricate::npy("|u1", &format!("({count}, 2)"), &bytes((0..count * 2).map(|at| at % 251)))
    };
    let mut arrays = vec![("x_train", x(200)), ("y_train", u8s(200, &|at| at * 13 % 5 % 2))];
    let subject = |at: usize| at * 7 % 25;
    match with {
        "subject_train" => arrays.push(("subject_train", u8s(200, &subject))),
        "rooms" => arrays.push(("rooms", u8s(200, &subject))),
        "test" => {
            arrays.push(("groups_train", u8s(200, &subject)));
            arrays.extend([("x_test", x(40)), ("y_test", u8s(40, &|at| at % 2))]);
            arrays.push(("groups_test", u8s(40, &|at| 23 + at % 5)));
        }
        "short" => arrays.push(("speakers", u8s(199, &subject))),
        "alone" => arrays.push(("groups", u8s(200, &|at| at))),
        _ => {}
    }
    arrays
}

#[test]
fn arrays_of_groups_keep_their_samples_together() {
    let dataset = npz(&archive("subject_train"), &LoadOptions::default()).unwrap();
    let [train, validation, test] = apart(&dataset);
    assert_eq!(train + validation + test, 25);
    assert!(validation >= 5, "{validation}");
    assert!(
        dataset
            .facts
            .iter()
            .any(|fact| fact.about == "groups" && fact.found == "subject_train, 25 different")
    );
    assert_eq!(npz(&archive("rooms"), &LoadOptions::default()).unwrap().group_names.len(), 0);
    apart(&npz(&archive("rooms"), &by("rooms")).unwrap());
    assert_eq!(npz(&archive("subject_train"), &by("none")).unwrap().group_names.len(), 0);
    assert_eq!(npz(&archive("alone"), &LoadOptions::default()).unwrap().group_names.len(), 0);
}

#[test]
fn groups_that_own_parts_share_are_said() {
    let dataset = npz(&archive("test"), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.test.groups(), 5);
    assert!(groups(&dataset.train).is_disjoint(&groups(&dataset.validation)));
    let text = dataset.warnings.iter().map(ToString::to_string).collect::<String>();
    assert!(text.contains("of the 5 groups of the test part are in the training part too"), "{text}");
}

#[test]
fn arrays_that_are_no_groups_are_refused() {
    refused(
        npz(&archive(""), &by("rooms")),
        &["there is no array `rooms` of groups; it holds x_train", "--arrays"],
    );
    refused(
        npz(&archive("short"), &LoadOptions::default()),
        &["200 samples in x_train, but speakers is 199 uint8", "--groups none"],
    );
    refused(npz(&archive("alone"), &by("groups")), &["tell nothing apart", "--groups none"]);
    let mut fractions = archive("");
    fractions.push(("groups", fabricate::npy("<f8", "(200,)", &vec![0.3_f64.to_le_bytes(); 200].concat())));
    refused(
        npz(&fractions, &LoadOptions::default()),
        &["groups[0] is 0.3: groups must be whole numbers or names"],
    );
    let folder = tempdir().unwrap();
    fabricate::write_idx_folder(folder.path());
    refused(
        load(&format!("idx:{}", folder.path().display()), &by("x")),
        &["there are no groups `x`", "--groups none"],
    );
}

fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Two classes of ten speakers with six recordings each, whose names say who speaks.
fn spoken(name: impl Fn(&str, usize, usize) -> String) -> TempDir {
    let root = tempdir().unwrap();
    for (kind, word) in ["yes", "no"].into_iter().enumerate() {
        for speaker in 0..20 {
            for take in 0..5 {
                let tone = recordings::tone(2_000, kind, speaker * 10 + take);
                write(
                    root.path(),
                    &format!("{word}/{}", name(word, speaker, take)),
                    recordings::wav(8_000, &tone),
                );
            }
        }
    }
    root
}

#[test]
fn recordings_are_grouped_by_folders_or_by_their_names() {
    let read =
        |root: &TempDir, options: &LoadOptions| load(&format!("audio:{}", root.path().display()), options);
    let levels = spoken(|_, speaker, take| format!("s{speaker}/{take}.wav"));
    for options in [LoadOptions::default(), by("level")] {
        let [train, validation, test] = apart(&read(&levels, &options).unwrap());
        assert!((train + validation + test, validation) >= (20, 5), "{train} {validation} {test}");
    }
    assert_eq!(read(&levels, &by("none")).unwrap().group_names.len(), 0);
    let named = spoken(|_, speaker, take| format!("s{speaker}_{take}.wav"));
    let torn = read(&named, &LoadOptions::default()).unwrap();
    assert_eq!(torn.group_names.len(), 0);
    warned(&torn, &["the files are named after 20 things from `s0` to `s9`", "`--groups name`"]);
    let with_class = spoken(|word, speaker, take| format!("{word}_s{speaker}_{take}.wav"));
    for root in [&named, &with_class] {
        assert_eq!(apart(&read(root, &by("name")).unwrap()).iter().sum::<usize>(), 20);
    }
    refused(read(&named, &by("level")), &["no folders in the classes", "--groups name"]);
    refused(
        read(&named, &by("speaker")),
        &["`speaker` is nothing that files are grouped by", "--groups level"],
    );
}

#[test]
fn images_are_grouped_by_their_names_too() {
    let root = tempdir().unwrap();
    for (class, number) in [("cat", 0), ("dog", 100)] {
        for index in 0..60 {
            let picture = pictures::file(
                ImageFormat::Png,
                &GrayImage::from_pixel(4, 4, Luma([number + index as u8])).into(),
            );
            write(root.path(), &format!("{class}/garden{}-{index}.png", index % 15), picture);
        }
    }
    let source = format!("images:{}", root.path().display());
    assert_eq!(apart(&load(&source, &by("name")).unwrap()).iter().sum::<usize>(), 15);
}

#[test]
fn named_datasets_know_their_groups() {
    let folder = tempdir().unwrap();
    recordings::write_speech_commands(folder.path(), 4);
    let options = LoadOptions { data_dir: Some(folder.path().to_owned()), ..LoadOptions::default() };
    let speech = load("speech-commands", &options).unwrap();
    assert_eq!((speech.train.groups(), speech.validation.groups(), speech.test.groups()), (4, 4, 4));
    let before =
        load("speech-commands", &LoadOptions { groups: GroupChoice::LevelShare, ..options.clone() }).unwrap();
    assert_eq!(
        (before.validation.groups(), &before.fingerprint),
        (0, &speech.fingerprint),
        "its parts are its own"
    );

    // As UCI-HAR is distributed: windows of 128 × 9, the subject of each beside them.
    let count = 6 * 21 * 2;
    let values = vec![0_u8; count * 128 * 9 * 4];
    let x = fabricate::npy("<f4", &format!("({count}, 128, 9)"), &values);
    let of = |value: &dyn Fn(usize) -> usize| {
        fabricate::npy("|u1", &format!("({count},)"), &bytes((0..count).map(value)))
    };
    let arrays = [
        ("x_train", x.clone()),
        ("y_train", of(&|at| at % 6)),
        ("subject_train", of(&|at| at / 12)),
        ("x_test", x),
        ("y_test", of(&|at| at % 6)),
        ("subject_test", of(&|at| 50 + at / 12)),
    ];
    fs::write(folder.path().join("uci-har.npz"), fabricate::npz(&arrays)).unwrap();
    let har = load("uci-har", &options).unwrap();
    assert_eq!(apart(&har), [16, 5, 21]);
    let before = load("uci-har", &LoadOptions { groups: GroupChoice::LevelShare, ..options }).unwrap();
    assert_eq!((before.validation.groups(), before.validation.len()), (0, count / 10));
}
