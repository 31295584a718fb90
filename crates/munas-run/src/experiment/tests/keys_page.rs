//! `docs/keys.md` says of every key what the settings say of themselves: their doc comments, the defaults, and the messages
//! about values that are none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use expect_test::expect_file;
use toml::Value;

use super::super::recipe::Recipe;
use super::*;
use crate::machine::Machine;
use crate::testing::experiment;

/// Where the structs of the sections are declared, from this crate's folder.
const SOURCES: [&str; 8] = [
    "src/experiment/file.rs",
    "src/experiment/settings.rs",
    "src/int8.rs",
    "../munas-data/src/audio/settings.rs",
    "../munas-data/src/csv_settings.rs",
    "../munas-search/src/objective.rs",
    "../munas-space/src/bounds.rs",
    "../munas-train/src/settings.rs",
];

/// Sections, the kind of space that they are shown for, and the structs that document their keys: the first that has a comment.
const SECTIONS: [(&str, &str, &[&str]); 17] = [
    ("", "cnn2d", &["ExperimentFile"]),
    ("data", "cnn2d", &["DataSettings"]),
    ("data.csv", "cnn2d", &["CsvSettings"]),
    ("data.audio", "cnn2d", &["AudioSettings"]),
    ("space", "cnn2d", &["SpaceFile"]),
    ("space.bounds", "cnn2d", &["CnnBounds"]),
    ("space.bounds", "mlp", &["MlpBounds"]),
    ("train", "cnn2d", &["TrainFile", "TrainSettings"]),
    ("train.pruning", "cnn2d", &["PruningSettings"]),
    ("train.distillation", "cnn2d", &["DistillationSettings"]),
    ("train.quantisation", "cnn2d", &["QuantisationFile"]),
    ("int8", "cnn2d", &["Int8Settings"]),
    ("bounds", "cnn2d", &["Objective", "Bounds"]),
    ("memory", "cnn2d", &["MemoryFile"]),
    ("search", "cnn2d", &["SearchSettings"]),
    ("final", "cnn2d", &["FinalSettings"]),
    ("board", "cnn2d", &["BoardFile"]),
];

const INTRODUCTION: &str = "\
# The keys of an experiment file

<!-- Written by a test of munas-run from the settings themselves: `UPDATE_EXPECT=1 cargo test -p munas-run keys_page`. -->

`munas search FILE.toml` takes an experiment file; `--set section.key=value` gives or changes a single key, of a preset too
(`--set train.epochs=20`), `--set section.key=` takes it away, and `--set section.key+=value` adds to a list. A key that you leave
out has its default.

*By the data*: `munas search` chooses the value by the kind and the number of samples, the machine and the other keys, unless you
give it ([search.md](search.md) says how); where it has no opinion, the value behind it holds. Published presets leave nothing to the data.
A default of – is none: the key is absent, or has to be given where its section is there.

`munas search … --dry-run` shows what a search would take, and `experiment.toml` in the directory of a run has every key with its value.
";

/// Doc comments by struct (or enum) and field (or variant), as keys are called.
type Comments = BTreeMap<(String, String), String>;

fn comments() -> Comments {
    let mut comments = Comments::new();
    for source in SOURCES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for item in syn::parse_file(&text).unwrap().items {
            let (name, members): (_, Vec<_>) = match item {
                syn::Item::Struct(item) => {
                    let fields = item.fields.into_iter();
                    (item.ident, fields.filter_map(|field| Some((field.ident?, field.attrs))).collect())
                }
                syn::Item::Enum(item) => {
                    let variants = item.variants.into_iter();
                    (item.ident, variants.map(|variant| (variant.ident, variant.attrs)).collect())
                }
                _ => continue,
            };
            for (member, attributes) in members {
                let key = renamed(&attributes).unwrap_or_else(|| member.to_string());
                comments.insert((name.to_string(), key), comment(&attributes));
            }
        }
    }
    comments
}

/// The name that `#[serde(rename = "…")]` gives a field.
fn renamed(attributes: &[syn::Attribute]) -> Option<String> {
    let mut name = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute
            .parse_nested_meta(|meta| {
                let value = meta.value().and_then(|value| value.parse::<syn::LitStr>());
                if meta.path.is_ident("rename") {
                    name = Some(value?.value());
                }
                Ok(())
            })
            .unwrap();
    }
    name
}

fn comment(attributes: &[syn::Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) => {
                Some(line.value().trim().to_owned())
            }
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// What a key is, in words for users.
fn meaning(comments: &Comments, section: &str, key: &str) -> String {
    let (.., structs) = SECTIONS.iter().find(|(path, ..)| *path == section).unwrap();
    let objective =
        Objective::ALL.into_iter().find(|objective| section == "bounds" && objective.name() == key);
    let member = objective.map_or_else(|| key.to_owned(), |objective| format!("{objective:?}"));
    let structs = if section == "space.bounds" { &["CnnBounds", "MlpBounds"] } else { *structs };
    let found = structs
        .iter()
        .find_map(|name| comments.get(&(name.to_string(), member.clone())).filter(|text| !text.is_empty()));
    let text = found.unwrap_or_else(|| panic!("`{section}.{key}` has no doc comment in {structs:?}"));
    let of_rust = ["[`", "`None`", "`Some", "::"].iter().find(|word| text.contains(*word));
    assert_eq!(of_rust, None, "the comment of `{section}.{key}` speaks to users: {text}");
    text.clone()
}

/// A file with what else the key's section needs.
fn around(section: &str, kind: &str) -> Table {
    let needed = match section {
        "train.pruning" => {
            "mode = 'structured'\nstart = 3\nfinish = 8\nmin_sparsity = 0.1\nmax_sparsity = 0.5"
        }
        "train.distillation" => "teacher = 'model.safetensors'",
        "board" => "name = 'stm32f446re'",
        _ => "",
    };
    let mut table = layers::parse("data.source = 'glyphs'").unwrap();
    layers::apply_override(&mut table, &format!("space.kind={kind}")).unwrap();
    if !needed.is_empty() {
        let section_table = layers::parse(&format!("[{section}]\n{needed}")).unwrap();
        table = layers::merge(table, section_table);
    }
    table
}

/// What is wrong with this value of a key, if anything.
fn problem(section: &str, kind: &str, key: &str, value: Value) -> Option<String> {
    let mut over = Value::Table(Table::from_iter([(key.to_owned(), value)]));
    for name in section.rsplit('.').filter(|name| !name.is_empty()) {
        over = Value::Table(Table::from_iter([(name.to_owned(), over)]));
    }
    let table = layers::merge(around(section, kind), over.as_table().unwrap().clone());
    let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
    match Experiment::from_layers(layers::parse(DEFAULTS).unwrap(), table) {
        Err(ExperimentError::Value { key, problem }) if path.starts_with(&key) => Some(problem),
        _ => None,
    }
}

const NONSENSE: &str = "nonsense";

/// What a key may be, as messages about other values say.
fn values(section: &str, kind: &str, key: &str) -> String {
    let wrong = problem(section, kind, key, Value::from(NONSENSE));
    let mut form = wrong.map_or_else(|| "a text".to_owned(), |problem| expected(&problem));
    if form.contains("a list") && !form.contains("schedule") {
        let wrong = problem(section, kind, key, Value::from(vec![NONSENSE]));
        // A complaint about the number of elements is none about an element.
        let wrong = wrong.filter(|problem| !problem.starts_with("must be"));
        let each = wrong.map_or_else(|| "a text".to_owned(), |problem| expected(&problem));
        form = format!("{form}; each: {each}");
    }
    let far = [Value::from(0), Value::from(-1), Value::from(i64::MAX), Value::from(-1.0), Value::from(1e300)];
    let mut limits = Vec::new();
    for limit in far.into_iter().filter_map(|value| problem(section, kind, key, value)) {
        let limit = limit.find("must be").map(|begin| limit[begin + "must be".len()..].trim().to_owned());
        // What no file can hold goes without saying.
        let limit = limit.map(|limit| limit.replace(" and below 2^63", "").replace("below 2^63", ""));
        limits.extend(limit.filter(|limit| !limit.is_empty() && !limits.contains(limit)));
    }
    [vec![form], limits].concat().join(", ")
}

/// What a message about a text that is no value says that a value may be.
fn expected(problem: &str) -> String {
    let after = |mark: &str| problem.split_once(mark).map(|(_, rest)| rest);
    let said = if problem.starts_with(&format!("{NONSENSE}: ")) {
        "the path of a file"
    } else if let Some(list) = after("(there are: ") {
        list.split([';', ')']).next().unwrap_or(list)
    } else if let Some(rest) = after("expected one of ").or(after("expected ")).or(after("there are: ")) {
        rest
    } else if let Some(rest) = after("is neither ").or(after("is not one of ")) {
        rest
    } else if let Some(rest) =
        after("is not ").filter(|rest| rest.contains("such as") || rest.contains("a list"))
    {
        rest
    } else if let Some((_, names)) = problem.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        names
    } else {
        panic!("what may stand in its place? {problem}")
    };
    let words = [
        ("a boolean", "true or false"),
        ("a sequence", "a list"),
        ("an array of length 2", "a pair [a, b] of numbers"),
        (" nor ", " or "),
        ("`", ""),
    ];
    words.iter().fold(said.to_owned(), |text, (word, plain)| text.replace(word, plain))
}

/// The value of a key that is left out: by the defaults, or of what the section's other keys leave open.
fn default(section: &str, kind: &str, key: &str) -> Option<Value> {
    let look_up = |table: &Table| {
        let table = Value::Table(table.clone());
        let mut path = section.split('.').filter(|name| !name.is_empty()).chain([key]);
        path.try_fold(&table, |value, name| value.get(name)).cloned()
    };
    let given = around(section, kind);
    if look_up(&given).is_some() {
        return None;
    }
    let defaults = layers::parse(DEFAULTS).unwrap();
    look_up(&defaults).or_else(|| {
        let written = Experiment::from_layers(defaults.clone(), given).unwrap().to_toml();
        look_up(&layers::parse(&written).unwrap()).filter(|value| !value.is_table())
    })
}

/// The paths of the keys that the data and the machine decide.
fn by_the_data() -> BTreeSet<String> {
    let dataset = experiment(&["data.subset=100"]).load_data().unwrap();
    let machine = Machine { macs_per_training: Some(1), ..Machine::here(&dataset) };
    let layer = Recipe { dataset: &dataset, machine: &machine, given: &Table::new() }.layer();
    let keys = layer.iter().flat_map(|(section, keys)| {
        keys.as_table().unwrap().keys().map(move |key| format!("{section}.{key}"))
    });
    keys.collect()
}

fn page() -> String {
    let (comments, by_data) = (comments(), by_the_data());
    let mut page = INTRODUCTION.to_owned();
    for (section, kind, _) in SECTIONS {
        let table = around("space", kind);
        let sections = keys::sections(&table);
        let (_, keys) = sections.iter().find(|(path, _)| *path == section).unwrap();
        if let Some((above, name)) =
            section.rsplit_once('.').or((!section.is_empty()).then_some(("", section)))
        {
            let (of, text) = match (section, kind) {
                ("space.bounds", "mlp") => (" of `mlp`", "The same for tables.".to_owned()),
                ("space.bounds", _) => (" of `cnn2d` and `cnn1d`", meaning(&comments, above, name)),
                _ => ("", meaning(&comments, above, name)),
            };
            write!(page, "\n## `[{section}]`{of}\n\n{text}\n").unwrap();
        }
        page.push_str("\n| key | values | default | meaning |\n|---|---|---|---|\n");
        for key in *keys {
            let path = if section.is_empty() { (*key).to_owned() } else { format!("{section}.{key}") };
            let is_section = path != "space.bounds" && sections.iter().any(|(other, _)| *other == path);
            if is_section {
                continue;
            }
            let fixed = default(section, kind, key).map(|value| format!("`{value}`"));
            let default = match (by_data.contains(&path), fixed) {
                (true, Some(fixed)) => format!("by the data, else {fixed}"),
                (true, None) => "by the data".to_owned(),
                (false, fixed) => fixed.unwrap_or_else(|| "–".to_owned()),
            };
            let cells =
                [format!("`{key}`"), values(section, kind, key), default, meaning(&comments, section, key)];
            writeln!(page, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")).unwrap();
        }
    }
    page
}

#[test]
fn keys_page_is_up_to_date() {
    expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/keys.md")].assert_eq(&page());
}

#[test]
fn keys_page_has_every_section() {
    let shown: BTreeSet<&str> = SECTIONS.iter().map(|(path, ..)| *path).collect();
    let known: BTreeSet<&str> = keys::sections(&Table::new()).iter().map(|(path, _)| *path).collect();
    assert_eq!(shown, known);
}
