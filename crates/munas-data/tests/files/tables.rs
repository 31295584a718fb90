//! Tables of text in the forms that people have: what is understood of them, and what is said about those that are not.

mod labels;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use munas_data::{
    CsvSettings, DataError, Dataset, Delimiter, HeaderRow, IndexColumn, LoadOptions, Split, load,
};
use tempfile::TempDir;

use crate::fabricate;

/// A table in a folder of its own.
struct Table {
    folder: TempDir,
    path: PathBuf,
}

impl Table {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, content).unwrap();
        Self { folder, path }
    }

    fn source(&self) -> String {
        format!("csv:{}", self.path.display())
    }

    fn load(&self, options: &LoadOptions) -> Result<Dataset, DataError> {
        load(&self.source(), options)
    }

    fn read(&self) -> Dataset {
        self.load(&LoadOptions::default()).unwrap()
    }

    fn with_label(&self, label: &str) -> Result<Dataset, DataError> {
        load(&format!("{}#{label}", self.source()), &LoadOptions::default())
    }

    fn with(&self, csv: CsvSettings) -> Result<Dataset, DataError> {
        self.load(&LoadOptions { csv, ..LoadOptions::default() })
    }
}

/// Rows of four numbers and one of three classes, as a logger writes them; the first number tells which row it is.
fn rows(count: usize, delimiter: &str) -> String {
    rows_with(count, delimiter, |class, _| ["walk", "run", "sit"][class].to_owned())
}

fn rows_with(count: usize, delimiter: &str, label: impl Fn(usize, usize) -> String) -> String {
    let mut text = String::new();
    for row in 0..count {
        let class = row * 7 % 3;
        let fields = [
            format!("{row}.25"),
            format!("{}.5", row * 37 % 11),
            format!("-{}.125", row * 13 % 7),
            format!("0.0{}", row * 5 % 9),
            label(class, row),
        ];
        writeln!(text, "{}", fields.join(delimiter)).unwrap();
    }
    text
}

fn count(dataset: &Dataset) -> usize {
    dataset.train.len() + dataset.validation.len() + dataset.test.len()
}

fn names(dataset: &Dataset) -> String {
    dataset.class_names.join(" ")
}

fn fact<'a>(dataset: &'a Dataset, about: &str) -> &'a str {
    dataset.facts.iter().find(|fact| fact.about == about).map_or("", |fact| fact.found.as_str())
}

/// The text of all warnings.
fn warnings(dataset: &Dataset) -> String {
    dataset.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The samples of a part, by their first feature.
fn sorted(split: &Split) -> Vec<(String, u32)> {
    let mut samples: Vec<_> = (0..split.len())
        .map(|index| {
            let sample = split.sample(index);
            let values: Vec<String> = (0..sample.len()).map(|at| sample.get(at).to_string()).collect();
            (values.join(" "), split.label(index))
        })
        .collect();
    samples.sort();
    samples
}

/// The table is read as the reference is, whose form leaves nothing to find out.
#[track_caller]
fn same_as_plain(content: impl AsRef<[u8]>) -> Dataset {
    let plain = Table::new(format!("ax,ay,az,gx,label\n{}", rows(60, ","))).read();
    let dataset = Table::new(content).read();
    assert_eq!(names(&dataset), "run sit walk");
    assert_eq!(sorted(&dataset.train), sorted(&plain.train));
    assert_eq!(sorted(&dataset.test), sorted(&plain.test));
    dataset
}

/// The message with its hint has all parts.
#[track_caller]
fn refused(result: Result<Dataset, DataError>, parts: &[&str]) {
    let error = result.unwrap_err();
    let text = format!("{error}\nhint: {}", error.hint().unwrap_or_default());
    for part in parts {
        assert!(text.contains(part), "`{text}` does not say `{part}`");
    }
}

#[test]
fn tables_are_read_with_and_without_header() {
    let dataset = Table::new(fabricate::small_table()).read();
    assert_eq!((dataset.input, names(&dataset)), ([1, 1, 2], "elm oak".to_owned()));
    assert_eq!((dataset.train.len(), dataset.validation.len(), dataset.test.len()), (8, 2, 2));

    let dataset = Table::new("1,2,10\n3,4,9\n5,6,10\n7,8,9\n7,6,10\n5,5,9\n").read();
    assert_eq!(dataset.class_names, ["9", "10"]);
    assert_eq!(count(&dataset), 6);
    assert_eq!(fact(&dataset, "table"), "delimiter `,`, no header");
}

#[test]
fn headers_of_all_kinds_are_found() {
    for header in [
        "0,1,2,3,label",
        "0,1,2,3,activity",
        "ax,,az,ax,label",
        "\"a x\",\"a,y\",az,gx,\"label\"",
        "AX [m/s²],b,c,d,Target",
    ] {
        let dataset = same_as_plain(format!("{header}\n{}", rows(60, ",")));
        assert!(fact(&dataset, "table").ends_with("header in row 1"), "{header}");
    }
    same_as_plain(rows(60, ","));
    same_as_plain(format!("\u{feff}ax,ay,az,gx,label\r\n{}", rows(60, ",").replace('\n', "\r\n")));
    same_as_plain(format!("ax,ay,az,gx,label\nm/s2,m/s2,m/s2,deg/s,\n{}", rows(60, ",")));
    same_as_plain(format!("# ax,ay,az,gx,label\n{}", rows(60, ",")));
    let numbered = format!("0,1,2,3,4\n{}", rows_with(60, ",", |class, _| class.to_string()));
    assert_eq!(names(&Table::new(numbered).read()), "0 1 2");
}

#[test]
fn headers_are_as_they_are_said_to_be() {
    let count_with = |first: &str, header| {
        let csv = CsvSettings { header, ..CsvSettings::default() };
        let options = LoadOptions { csv, every_class: false, ..LoadOptions::default() };
        count(&Table::new(format!("{first}\n{}", rows(60, ","))).load(&options).unwrap())
    };
    assert_eq!(count_with("5,1,9,2,run", HeaderRow::Auto), 61);
    assert_eq!(count_with("5,1,9,2,run", HeaderRow::Yes), 60);
    assert_eq!(count_with("0,1,2,3,activity", HeaderRow::Auto), 60);
    assert_eq!(count_with("0,1,2,3,activity", HeaderRow::No), 61);
}

#[test]
fn delimiters_and_decimal_commas_are_found() {
    for (delimiter, name) in
        [(";", ";"), ("\t", "tab"), ("|", "|"), ("  ", "space"), (" ; ", ";"), (", ", ",")]
    {
        let header = ["ax", "ay", "az", "gx", "label"].join(delimiter);
        let dataset = same_as_plain(format!("{header}\n{}", rows(60, delimiter)));
        assert_eq!(fact(&dataset, "table"), format!("delimiter `{name}`, header in row 1"));
    }
    for delimiter in [";", "\t"] {
        let header = ["ax", "ay", "az", "gx", "label"].join(delimiter);
        let dataset = same_as_plain(format!("{header}\n{}", rows(60, delimiter).replace('.', ",")));
        assert!(fact(&dataset, "table").contains("decimal comma"), "{}", fact(&dataset, "table"));
    }
    let quoted: String = rows(60, ";").replace('.', ",").lines().fold(String::new(), |text, line| {
        text + &line.split(';').map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(",") + "\n"
    });
    same_as_plain(quoted);
    let trailing = rows(60, ";").replace('\n', ";\n");
    same_as_plain(format!("ax;ay;az;gx;label;\n{trailing}"));
    same_as_plain(format!("ax;ay;az;gx;label\n{trailing}"));
}

#[test]
fn a_delimiter_can_be_given() {
    let table = Table::new(rows(60, ":"));
    refused(
        table.load(&LoadOptions::default()),
        &["one column only", "`0.25:0.5:-0.125:0.00:walk`", "--delimiter"],
    );
    let settings = CsvSettings { delimiter: Some(Delimiter::Character(b':')), ..CsvSettings::default() };
    assert_eq!(count(&table.with(settings).unwrap()), 60);
}

#[test]
fn an_index_is_left_out_and_can_be_kept() {
    let sorted: String =
        (0..60).map(|row| format!("{row},{}.5,{}\n", row * 7 % 13, ["a", "b"][row / 30])).collect();
    let shuffled: String =
        (0..60).map(|row| format!("{},{}.5,{}\n", row * 7 % 60, row % 13, ["a", "b"][row % 2])).collect();
    for table in [
        format!(",height,label\n{sorted}"),
        format!("Unnamed: 0,height,label\n{sorted}"),
        format!("height,label\n{sorted}"),
        sorted.clone(),
        format!(",height,label\n{shuffled}"),
        format!("id,height,label\n{shuffled}"),
    ] {
        let table = Table::new(table);
        let dataset = table.read();
        assert_eq!((dataset.input, dataset.warnings.len()), ([1, 1, 1], 1), "{:?}", dataset.facts);
        assert!(warnings(&dataset).contains("only numbers the rows"), "{}", warnings(&dataset));
        assert!(dataset.warnings[0].hint.as_ref().unwrap().contains("data.csv.index=keep"));
        let keep = CsvSettings { index: IndexColumn::Keep, ..CsvSettings::default() };
        assert_eq!(table.with(keep).unwrap().input, [1, 1, 2]);
    }
    let values = Table::new(format!(",height,label\n{sorted}")).read();
    let firsts: Vec<f32> = (0..values.test.len()).map(|index| values.test.sample(index).get(0)).collect();
    assert!(firsts.iter().all(|value| value.fract() == 0.5), "{firsts:?}");
    assert_eq!(
        Table::new(format!("height,girth,label\n{sorted}")).read().input,
        [1, 1, 2],
        "a feature with a name"
    );
}

#[test]
fn columns_can_be_left_out() {
    let stamped: String = rows(60, ",").lines().map(|line| format!("2024-01-01 10:00,{line}\n")).collect();
    let table = Table::new(format!("time,ax,ay,az,gx,label\n{stamped}"));
    refused(
        table.load(&LoadOptions::default()),
        &["column 1 (`time`) holds texts such as `2024-01-01 10:00`", "'data.csv.ignore=[\"time\"]'"],
    );
    let ignore = |columns: &[&str]| CsvSettings {
        ignore: columns.iter().map(|&column| column.to_owned()).collect(),
        ..CsvSettings::default()
    };
    let dataset = table.with(ignore(&["time", "5"])).unwrap();
    assert_eq!(dataset.input, [1, 1, 3]);
    assert!(fact(&dataset, "unused").contains("column 5 (`gx`) (as asked for)"), "{:?}", dataset.facts);
    refused(table.with(ignore(&["label"])), &["data.csv.ignore: column 6 (`label`) holds the labels"]);
    refused(table.with(ignore(&["speed"])), &["data.csv.ignore: no column `speed`"]);
}

#[test]
fn texts_of_other_encodings_are_read() {
    let text = format!("ax [m/s²],ay [µT],az,gx,label\n{}", rows(60, ","));
    let latin: Vec<u8> = text.chars().map(|character| u8::try_from(character).unwrap()).collect();
    let dataset = same_as_plain(latin);
    assert!(warnings(&dataset).contains("row 1 is not in UTF-8"), "{}", warnings(&dataset));
    assert!(fact(&dataset, "features").contains("ax [m/s²]"), "{}", fact(&dataset, "features"));
    let two_lines = same_as_plain(format!("\"ax\n[m/s2]\",ay,az,gx,label\n{}", rows(60, ",")));
    assert_eq!(fact(&two_lines, "features"), "4: ax [m/s2], ay, az, gx");
    let units = |mark: bool| mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    for mark in [true, false] {
        let dataset = same_as_plain(units(mark).flat_map(u16::to_le_bytes).collect::<Vec<_>>());
        assert!(fact(&dataset, "table").contains("UTF-16"), "{}", fact(&dataset, "table"));
        same_as_plain(units(mark).flat_map(u16::to_be_bytes).collect::<Vec<_>>());
    }
    same_as_plain(fabricate::gzip(text.as_bytes()));
}

#[test]
fn comments_and_titles_are_passed_over() {
    same_as_plain(format!(
        "# made by hand; don't \"edit\n#\nax,ay,az,gx,label\n{}# the end\n",
        rows(60, ",")
    ));
    let dataset = same_as_plain(format!("Logger 7\nrate,50\n\nax,ay,az,gx,label\n{}", rows(60, ",")));
    assert!(
        warnings(&dataset).contains("the first rows (2) are none of the table's"),
        "{}",
        warnings(&dataset)
    );
    let colours: String = (0..30).map(|row| format!("#{:06x},{row}.5\n", row % 3)).collect();
    assert_eq!(names(&Table::new(colours).read()), "#000000 #000001 #000002");
}

#[test]
fn what_is_no_table_is_named() {
    let refused = |content: &[u8], parts: &[&str]| {
        refused(Table::new(content).load(&LoadOptions::default()), parts);
    };
    refused(b"", &["the file is empty"]);
    refused(b"\n \n", &["the file is empty"]);
    refused(b"a,b\n", &["no rows after the header"]);
    refused(b"1\n2\n", &["one column only"]);
    refused(b"PK\x03\x04....", &["an Excel workbook", "save it as CSV"]);
    refused(b"1,2\n\0\0\0,4\n", &["binary data, not a table of text"]);
    refused(&fabricate::npy("<f4", "(2,)", &[0; 8]), &["a numpy array"]);
    refused(&fabricate::gzip(b"x")[..12], &["table.csv"]);
    let folder = Table::new("");
    let error =
        load(&format!("csv:{}", folder.folder.path().display()), &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("a folder, not a table"), "{error}");
}

#[test]
fn rows_that_cannot_be_read_are_counted() {
    let table = Table::new(format!("{}oops,1,oak\n1,2\n1,inf,elm\n2,3,\n", fabricate::small_table()));
    refused(
        table.load(&LoadOptions::default()),
        &[
            "4 of 16 refused",
            "row 14: column 1 (`height`): `oops` is not a finite number",
            "row 15: 2 columns, expected 3",
            "row 16: column 2 (`girth`): `inf`",
            "row 17: no label in column 3 (`tree`)",
            "--skip-bad",
        ],
    );
    let dataset = table.load(&LoadOptions { skip_bad: true, ..LoadOptions::default() }).unwrap();
    assert_eq!((dataset.refused, dataset.train.len()), (4, 8));
}

#[test]
fn missing_values_and_mixed_decimal_marks_are_named() {
    let check = |row: &str, parts: &[&str]| {
        refused(
            Table::new(format!("a;b;label\n1.5;2.5;x\n{row}\n2.5;3.5;y\n")).load(&LoadOptions::default()),
            parts,
        );
    };
    check("1.5;;x", &["row 3: column 2 (`b`): there is no value"]);
    check("NaN;1;x", &["row 3: column 1 (`a`): `NaN` is not a finite number"]);
    check("1,5;2;x", &["`1,5` has a decimal comma, numbers before it a decimal point"]);
    check("1;2;nan", &["row 3: no label"]);
    // Rows are lines of the file, whatever stands between them.
    let lines = "# a comment\r\n\r\na,b,label\r\n\"1\",2,x\r\n\r\n# another\r\n\"3\",?,y\r\n";
    refused(Table::new(lines).load(&LoadOptions::default()), &["row 7: column 2 (`b`): `?` is not"]);
}

#[test]
fn numbers_that_lose_digits_are_warned_about() {
    let body: String =
        (0..40).map(|row| format!("{},{}\n", 1_700_000_000_u64 + row * row, row % 2)).collect();
    let dataset = Table::new(format!("time,label\n{body}")).read();
    assert!(
        warnings(&dataset).contains("row 3, column 1 (`time`): whole numbers beyond"),
        "{}",
        warnings(&dataset)
    );
}

#[test]
fn wide_and_endless_rows_are_refused_early() {
    let wide = vec!["1"; 100_000].join(",");
    refused(Table::new(format!("{wide}\n{wide}\n")).load(&LoadOptions::default()), &["100000 columns"]);
    let wider = vec!["12.3456"; 1_200_000].join(",");
    refused(
        Table::new(wider).load(&LoadOptions::default()),
        &["a row does not end within 8 MiB: has it so many columns"],
    );
    let open = format!("a,b,label\n1,2,\"x\n{}", "3,4,y\n".repeat(3 << 20));
    refused(
        Table::new(fabricate::gzip(open.as_bytes())).load(&LoadOptions::default()),
        &["a quotation mark that is never closed"],
    );
    let table = Table::new(rows(60, ","));
    let error = table.load(&LoadOptions { memory: Some(500), ..LoadOptions::default() }).unwrap_err();
    assert!(matches!(error, DataError::TooLarge { budget: 500, .. }), "{error}");
}

#[test]
fn a_path_with_a_sign_of_a_label_is_a_path_first() {
    let table = Table::new("");
    let folder = table.folder.path().join("a#b");
    fs::create_dir(&folder).unwrap();
    let content = format!("kind,b,c,d,label\n{}", rows_with(60, ",", |class, _| class.to_string()));
    let write = |path: &Path| fs::write(path, &content).unwrap();
    write(&folder.join("x.csv"));
    write(&folder.join("y#kind"));
    let read = |place: &str| load(&format!("csv:{}/{place}", folder.display()), &LoadOptions::default());
    assert_eq!(names(&read("x.csv").unwrap()), "0 1 2");
    assert_eq!(fact(&read("x.csv#b").unwrap(), "label"), "column 2 (`b`)");
    assert_eq!(names(&read("y#kind").unwrap()), "0 1 2");
    let error = read("z.csv").unwrap_err().to_string();
    assert!(error.contains("a#b/z.csv"), "{error}");
}
