use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::raw_data::MAX_CLASSES;
use crate::{
    Dataset, Fact, Folds, GroupChoice, Groups, LoadOptions, PartSizes, RawData, Renditions, Samples,
    SplitOptions, TestPart, Warning, load,
};

/// Values with the extremes of their type among them.
fn samples(element: ElementType, count: usize) -> Samples {
    let numbers = (0..count).map(|at| at * 7919 + 13);
    match element {
        ElementType::U8 => Samples::U8(numbers.map(|number| number as u8).collect()),
        ElementType::I8 => Samples::I8(numbers.map(|number| number as i8).collect()),
        ElementType::U16 => Samples::U16(numbers.map(|number| number as u16).collect()),
        ElementType::I16 => Samples::I16(numbers.map(|number| number as i16).collect()),
        ElementType::F32 => {
            let extremes = [f32::MIN, f32::MAX, f32::MIN_POSITIVE, -0.0, 1e-42];
            Samples::F32(
                numbers
                    .map(|number| number as f32 / 7.0)
                    .zip(0..)
                    .map(|(value, at)| extremes.get(at).copied().unwrap_or(value))
                    .collect(),
            )
        }
    }
}

/// 90 samples of 3×2×1 values, in three classes and fifteen groups or none.
fn dataset(element: ElementType, rich: bool) -> Dataset {
    let (count, len) = (90, 6);
    let groups = Groups {
        names: (0..15).map(|group| format!("subject {group}")).collect(),
        of: (0..count).map(|at| (at % 7 != 0).then_some(at as u32 / 6)).collect(),
    };
    let renditions = Renditions { samples: samples(element, 70 * 2 * len), each: 2 };
    let raw = RawData {
        name: "csv:Größen.csv".to_owned(),
        input: [3, 2, 1],
        class_names: ["a", "", "ç\u{1b}"].map(str::to_owned).to_vec(),
        samples: samples(element, count * len),
        labels: (0..count as u32).map(|at| at * 5 % 3).collect(),
        parts: PartSizes { train: 70, validation: None, test: TestPart::Own(20) },
        full_scale: 0.1,
        refused: 4,
        renditions: rich.then_some(renditions),
        rate: rich.then_some(16_000),
        groups: rich.then_some(groups),
        warnings: vec![Warning::new("few").hint("more"), Warning::new("odd")],
        facts: vec![Fact::new("label", "column 5")],
    };
    let folds = Folds::Count(if rich { 3 } else { 1 });
    raw.into_dataset(&SplitOptions { folds, subset: Some(60), ..SplitOptions::default() }).unwrap()
}

#[track_caller]
fn assert_same(one: &Dataset, other: &Dataset) {
    let facts = |dataset: &Dataset| {
        let Dataset { name, input, class_names, fingerprint, full_scale, refused, rate, .. } =
            dataset.clone();
        (name, input, class_names, fingerprint, full_scale.to_bits(), refused, rate)
    };
    assert_eq!(facts(one), facts(other));
    assert_eq!(one.group_names, other.group_names);
    assert_eq!((&one.warnings, &one.facts), (&other.warnings, &other.facts));
    let parts = |dataset: &Dataset| -> Vec<_> {
        dataset.parts().map(|part| (part.indices().to_vec(), part.labels().to_vec())).collect()
    };
    assert_eq!(parts(one), parts(other));
    let [one, other] = [one, other].map(|dataset| dataset.train.store());
    assert_eq!((one.samples.all(), &one.groups), (other.samples.all(), &other.groups));
    let renditions =
        [one, other].map(|store| store.renditions.as_ref().map(|them| (them.samples.all(), them.each)));
    assert_eq!(renditions[0], renditions[1]);
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.pack");
    (folder, path)
}

fn packed(dataset: &Dataset) -> Vec<u8> {
    let mut file = Vec::new();
    dataset.write_packed(&mut file).unwrap();
    file
}

const ALL: [ElementType; 5] =
    [ElementType::U8, ElementType::I8, ElementType::U16, ElementType::I16, ElementType::F32];

#[test]
fn what_is_opened_is_what_was_packed() {
    for (element, rich) in ALL.into_iter().flat_map(|element| [(element, false), (element, true)]) {
        let original = dataset(element, rich);
        assert_eq!(
            (original.folds(), original.train.groups() > 0),
            if rich { (3, true) } else { (1, false) }
        );
        let (_folder, path) = place();
        let bytes = original.pack(&path).unwrap();
        assert_eq!(bytes, fs::metadata(&path).unwrap().len());
        let opened = Dataset::open_packed(&path).unwrap();
        assert_same(&original, &opened);
        for part in 0..original.train.len() {
            assert_eq!(original.train.sample(part), opened.train.sample(part));
            assert_eq!(original.train.group(part), opened.train.group(part));
            if rich {
                assert_eq!(original.train.rendition(part, 1), opened.train.rendition(part, 1));
            }
        }
        // Packing what is mapped, over the file that it is mapped from, writes the same bytes.
        let before = fs::read(&path).unwrap();
        opened.pack(&path).unwrap();
        assert!(fs::read(&path).unwrap() == before && before == packed(&original));
        assert_same(&original, &opened);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }
}

#[test]
fn sections_begin_at_pages() {
    let file = packed(&dataset(ElementType::I16, true));
    let (header, _) = parts_of(&file);
    let sections = header.sections(header_bytes(&file)).unwrap();
    let Sections { samples, renditions, groups, labels, indices } = &sections;
    for section in [samples, renditions, groups, labels, indices] {
        assert!(section.start.is_multiple_of(PAGE) && !section.is_empty());
    }
    assert_eq!((samples.len(), renditions.len(), sections.end()), (90 * 12, 70 * 2 * 12, file.len()));
}

/// What is not of one store would be packed as something else.
#[test]
fn only_whole_datasets_are_packed() {
    let (_folder, path) = place();
    let error = dataset(ElementType::U8, true).fold(1).pack(&path).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(!path.exists());
    let whole = dataset(ElementType::U8, true);
    whole.fold(0).pack(&path).unwrap();
    assert_same(&whole, &Dataset::open_packed(&path).unwrap());
    let missing = path.join("no/such/folder");
    assert!(whole.pack(&missing).is_err());
}

#[track_caller]
fn refused(file: &[u8], expected: &str) {
    let (_folder, path) = place();
    fs::write(&path, file).unwrap();
    let error = Dataset::open_packed(&path).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&path.display().to_string()) && text.contains(expected), "{text}");
    assert!(error.hint().is_some_and(|hint| hint.contains("munas data pack")));
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    for rich in [false, true] {
        let file = packed(&dataset(ElementType::U8, rich));
        for end in (0..file.len()).step_by(61).chain([file.len() - 1, 7, 8, 47, 48]) {
            refused(&file[..end], if end < PREAMBLE { "not packed data" } else { "cut off or damaged" });
        }
        refused(&[&*file, &[0]].concat(), "cut off or damaged");
    }
}

fn header_bytes(file: &[u8]) -> usize {
    u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize
}

/// The header, and all that is behind it, section by section.
fn parts_of(file: &[u8]) -> (Header, [Vec<u8>; 5]) {
    let bytes = header_bytes(file);
    let header: Header = serde_json::from_slice(&file[PREAMBLE..PREAMBLE + bytes]).unwrap();
    let Sections { samples, renditions, groups, labels, indices } = header.sections(bytes).unwrap();
    let sections = [samples, renditions, groups, labels, indices].map(|place| file[place].to_vec());
    (header, sections)
}

/// A file of any header and sections, with the digest that belongs to them.
fn forged(header: &Value, sections: &[Vec<u8>; 5]) -> Vec<u8> {
    let json = serde_json::to_vec(header).unwrap();
    let [_, _, groups, labels, indices] = sections;
    let mut file = MAGIC.to_vec();
    file.extend(VERSION.to_le_bytes());
    file.extend((json.len() as u32).to_le_bytes());
    file.extend(digest([&json, groups, labels, indices]));
    file.extend(&json);
    for section in sections {
        file.resize(file.len().next_multiple_of(PAGE), 0);
        file.extend(section);
    }
    file
}

/// Damage that its author hides behind a right digest.
#[test]
fn what_cannot_be_is_refused() {
    let whole = dataset(ElementType::F32, true);
    let original = packed(&whole);
    let (header, sections) = parts_of(&original);
    let header = serde_json::to_value(header).unwrap();
    let (_folder, path) = place();
    fs::write(&path, forged(&header, &sections)).unwrap();
    assert_same(&whole, &Dataset::open_packed(&path).unwrap());
    let with = |key: &str, value: Value, expected: &str| {
        let mut header = header.clone();
        *header.pointer_mut(key).unwrap() = value;
        refused(&forged(&header, &sections), expected);
    };
    with("/input", json!([0, 2, 1]), "cut off or damaged");
    with("/input", json!([usize::MAX, 2, 1]), "absurd sizes");
    with("/input", json!([3, -2, 1]), "its header: invalid value");
    with("/input", json!([2, 3, 1]), "fingerprint");
    with("/element_type", json!("f64"), "unknown type of values `f64`");
    with("/samples", json!(1_u64 << 62), "absurd sizes");
    with("/samples", json!(1_u64 << 40), "cut off or damaged");
    with("/renditions/each", json!(0), "cut off or damaged");
    with("/renditions/samples", json!(35), "is not below the 35 that there are");
    with("/renditions", json!({"samples": 35, "each": 4}), "is not below the 35 that there are");
    with("/renditions", json!({"samples": 140, "each": 1}), "the number of samples with renditions");
    with("/class_names", json!(["a", ""]), "label 2 is not below the 2 classes");
    with("/class_names", json!(vec![""; MAX_CLASSES + 1]), "the number of its classes");
    with("/class_names/0", json!("b"), "fingerprint");
    with("/parts/train", json!(usize::MAX), "absurd sizes");
    with("/parts/test", json!(21), "cut off or damaged");
    with("/other_folds", json!([[1, usize::MAX], [1, 1]]), "absurd sizes");
    with("/full_scale", json!(1e300), "its full scale");
    with("/full_scale", json!(0.0), "its full scale");
    with("/full_scale", json!(1e-60), "its full scale");
    with("/rate", json!(0), "its sampling rate");
    with("/group_names", json!(["one"]), "is not below the 1 groups");
    with("/group_names", Value::Null, "cut off or damaged");
    with("/fingerprint", json!("0"), "its content has the fingerprint");
    let mut unknown = header.clone();
    unknown["licence"] = json!("MIT");
    refused(&forged(&unknown, &sections), "unknown field `licence`");

    let number_in = |section: usize, number: u32, expected: &str| {
        let mut sections = sections.clone();
        sections[section][4..8].copy_from_slice(&number.to_le_bytes());
        refused(&forged(&header, &sections), expected);
    };
    number_in(0, f32::NAN.to_bits(), "values that are no numbers");
    number_in(1, f32::INFINITY.to_bits(), "values that are no numbers");
    number_in(0, 1.0_f32.to_bits(), "fingerprint");
    number_in(1, 1.0_f32.to_bits(), "fingerprint");
    number_in(2, 15, "group 15 is not below the 15 groups");
    number_in(3, 3, "label 3 is not below the 3 classes");
    number_in(4, 90, "sample 90 is not below");
    number_in(4, 70, "sample 70 is not below the 70 that there are");
    number_in(4, NO_GROUP, "is not below");

    let mut other = original.clone();
    other[8] = 9;
    refused(&other, "packed data of version 9, and this munas reads version 1");
    refused(b"PK\x03\x04", "not packed data");
    refused(b"", "not packed data");
    let mut label = original.clone();
    let place = label.len().next_multiple_of(PAGE) - 2 * PAGE;
    label[place] ^= 1;
    refused(&label, "damaged: what it says of its samples is not what was written");
}

#[test]
fn what_is_no_file_is_refused() {
    let (folder, path) = place();
    assert!(Dataset::open_packed(folder.path()).unwrap_err().to_string().contains("not a file"));
    assert!(Dataset::open_packed(&path).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Numbers of the header become others, and the digest agrees: nothing panics or takes memory that the file does not have.
    #[test]
    fn no_header_does_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..10), 1..4), rich: bool,
    ) {
        let original = dataset(ElementType::I16, rich);
        let (header, sections) = parts_of(&packed(&original));
        let mut header = serde_json::to_value(header).unwrap();
        for (which, extreme) in changes {
            let keys = ["/input/0", "/input/2", "/samples", "/parts/train", "/parts/validation", "/parts/test", "/renditions",
                "/renditions/each", "/renditions/samples", "/other_folds", "/other_folds/0/1", "/rate", "/group_names",
                "/class_names", "/element_type", "/full_scale", "/refused"];
            let values = [json!(0), json!(1), json!(2), json!(usize::MAX), json!(usize::MAX / 12), json!(1_u64 << 32), json!(null),
                json!([]), json!([[60, 0]]), json!("u16")];
            if let Some(value) = header.pointer_mut(keys[which.index(keys.len())]) {
                *value = values[extreme].clone();
            }
        }
        let (_folder, path) = place();
        fs::write(&path, forged(&header, &sections)).unwrap();
        if let Ok(opened) = Dataset::open_packed(&path) {
            prop_assert_eq!(opened.content_fingerprint(), original.fingerprint);
            for part in opened.parts() {
                (0..part.len()).for_each(|index| assert_eq!(part.sample(index).len(), 6));
            }
        }
    }
}

#[test]
fn what_would_split_anew_is_refused() {
    let (_folder, path) = place();
    let original = dataset(ElementType::U8, true);
    original.pack(&path).unwrap();
    let source = format!("packed:{}", path.display());
    let options = LoadOptions { folds: Folds::Auto, ..LoadOptions::default() };
    let same = [
        options.clone(),
        LoadOptions { seed: 9, subset: Some(60), folds: Folds::Count(3), ..options.clone() },
        LoadOptions { size: Some((3, 2)), grey: Some(true), background: Some(0.5), ..options.clone() },
    ];
    for options in same {
        assert_same(&original, &load(&source, &options).unwrap());
    }
    let others = [
        ("data.validation=0.2", LoadOptions { validation: 0.2, ..options.clone() }),
        ("data.subset=59", LoadOptions { subset: Some(59), ..options.clone() }),
        ("data.groups=none", LoadOptions { groups: GroupChoice::None, ..options.clone() }),
        ("data.groups=level", LoadOptions { groups: GroupChoice::By("level".to_owned()), ..options.clone() }),
        ("search.folds=1", LoadOptions { folds: Folds::Count(1), ..options.clone() }),
        ("data.size=[4,2]", LoadOptions { size: Some((4, 2)), ..options.clone() }),
        ("data.grey=false", LoadOptions { grey: Some(false), ..options.clone() }),
    ];
    for (setting, options) in others {
        let error = load(&source, &options).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("`{setting}` comes too late for packed data: their"))
                || setting.contains("folds"),
            "{text}"
        );
        assert!(error.hint().is_some(), "{text}");
    }
    dataset(ElementType::U8, false).pack(&path).unwrap();
    let error = load(&source, &LoadOptions { background: Some(0.5), ..options }).unwrap_err();
    assert!(error.to_string().contains("no background noise"), "{error}");
    let hint = path.display().to_string().parse::<crate::Source>().unwrap_err().hint().unwrap();
    assert_eq!(hint, format!("did you mean `{source}`?"));
}
