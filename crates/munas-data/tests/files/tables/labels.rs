//! The labels of tables: which column holds them, and whether they are classes.

use super::*;

#[test]
fn equal_numbers_are_one_class_and_blanks_are_none() {
    let spelled = |class: usize, row: usize| match row % 4 {
        0 => format!("{class}"),
        1 => format!("{class}.0"),
        2 => format!(" {class} "),
        _ => format!("{class}.00"),
    };
    let table = format!("a,b,c,d,label\n{}", rows_with(60, ",", spelled));
    assert_eq!(names(&Table::new(table).read()), "0 1 2");
    let table =
        rows_with(60, ";", |class, row| format!("{class},{}", "0".repeat(row % 3 + 1))).replace('.', ",");
    assert_eq!(names(&Table::new(table).read()), "0 1 2");
}

#[test]
fn labels_that_are_no_classes_are_refused() {
    let refused_labels = |label: &dyn Fn(usize, usize) -> String, parts: &[&str]| {
        let table = Table::new(format!("a,b,c,d,label\n{}", rows_with(60, ",", label)));
        refused(table.load(&LoadOptions::default()), parts);
    };
    let measured = [
        "60 different labels in 60 samples",
        "numbers from 20.071 to 24.126",
        "regression",
        "csv:FILE#COLUMN",
    ];
    refused_labels(&|_, row| format!("{}.{:03}", 20 + row * 17 % 5, 71 + row * 5 % 60), &measured);
    refused_labels(&|_, row| format!("sample{row}"), &["look like identifiers"]);
    refused_labels(&|_, _| "walk".to_owned(), &["all training samples are of one class, `walk`"]);
    refused_labels(&|_, row| if row == 9 { "Walk" } else { "walk" }.to_owned(), &["`Walk` has 1"]);
}

#[test]
fn each_class_is_in_every_part_or_an_error() {
    let rare = |count: usize| {
        Table::new(rows_with(60, ",", |class, row| {
            if row < count { "rare" } else { ["walk", "run", "sit"][class] }.to_owned()
        }))
    };
    for count in [1, 2] {
        let told =
            format!("a class needs 3 samples, one each for training, validation, test: `rare` has {count}");
        refused(rare(count).load(&LoadOptions::default()), &[&told, "--set data.every_class=false"]);
    }
    let dataset = rare(3).read();
    let rarest = |split: &Split| split.class_counts(4)[0];
    assert_eq!([&dataset.train, &dataset.validation, &dataset.test].map(rarest), [1, 1, 1]);
    let proportional = LoadOptions { every_class: false, ..LoadOptions::default() };
    let dataset = rare(1).load(&proportional).unwrap();
    assert_eq!([&dataset.train, &dataset.validation, &dataset.test].map(rarest), [1, 0, 0]);
    let subset = LoadOptions { subset: Some(7), ..LoadOptions::default() };
    refused(
        rare(5).load(&subset),
        &["data.subset is 7; 4 classes need 8 samples, one each for training, validation"],
    );
    let subset = rare(5).load(&LoadOptions { subset: Some(8), ..LoadOptions::default() }).unwrap();
    assert_eq!((subset.train.class_counts(4), subset.validation.class_counts(4)), (vec![1; 4], vec![1; 4]));
}

#[test]
fn labels_that_need_care_are_warned_about() {
    let labelled = |label: &dyn Fn(usize, usize) -> String| {
        let dataset = Table::new(format!("a,b,c,d,label\n{}", rows_with(120, ",", label))).read();
        warnings(&dataset)
    };
    let case = labelled(&|_, row| ["Walk", "walk ", "run"][row % 3].to_owned());
    assert!(case.contains("differ only in case or blanks: `Walk` and `walk`"), "{case}");
    let rare = labelled(&|_, row| if row % 20 == 0 { "fault" } else { "ok" }.to_owned());
    assert!(
        rare.contains("`ok` has 114 of 120 samples, `fault` 6; always answering `ok` errs in 5.0 %"),
        "{rare}"
    );
    assert_eq!(labelled(&|class, _| class.to_string()), "");
}

#[test]
fn a_second_column_named_as_labels_are_is_warned_about() {
    let body: String =
        (0..40).map(|row| format!("{row}.5,{},{}\n", row % 2, ["on", "off"][row % 2])).collect();
    let dataset = Table::new(format!("a,class,label\n{body}")).read();
    assert_eq!((names(&dataset), dataset.input), ("off on".to_owned(), [1, 1, 2]));
    assert!(warnings(&dataset).contains("column 2 (`class`) is a feature"), "{}", warnings(&dataset));
    refused(
        Table::new(format!("a,kind,kind\n{body}")).with_label("kind"),
        &["columns 2 and 3 are both called `kind`"],
    );
}

#[test]
fn labels_are_found_by_name_or_content_wherever_they_are() {
    let first = |header: &str| {
        let body: String = rows(60, ",")
            .lines()
            .map(|line| {
                let (features, label) = line.rsplit_once(',').unwrap();
                format!("{label},{features}\n")
            })
            .collect();
        format!("{header}{body}")
    };
    let named = same_as_plain(first("Label,ax,ay,az,gx\n"));
    assert_eq!((fact(&named, "label"), named.warnings.len()), ("column 1 (`Label`)", 0));
    for header in ["", "activity,ax,ay,az,gx\n"] {
        let dataset = same_as_plain(first(header));
        assert!(warnings(&dataset).contains("the labels are taken from column 1"), "{}", warnings(&dataset));
    }
    let numeric: String =
        (0..60).map(|row| format!("{},{}.{},{}.5\n", row % 3, row * 7 % 19, row, row * 31 % 17)).collect();
    let dataset = Table::new(numeric).read();
    assert_eq!(names(&dataset), "0 1 2");
    assert!(warnings(&dataset).contains("as the last one looks measured"), "{}", warnings(&dataset));
}

#[test]
fn the_label_column_is_the_one_that_was_asked_for() {
    let table = Table::new("kind,size\na,1\nb,2\na,3\nb,4\na,5\nb,6\n");
    let dataset = table.with_label("kind").unwrap();
    assert_eq!((dataset.input, names(&dataset)), ([1, 1, 1], "a b".to_owned()));
    refused(table.with_label("colour"), &["no column `colour`; there are: kind, size"]);
    let table = Table::new("0,1.5,2.5\n1,3.5,4.5\n0,1.7,2.5\n1,3.8,4.5\n0,1.9,2.5\n1,3.9,4.5\n");
    assert_eq!(names(&table.with_label("1").unwrap()), "0 1");
    refused(table.with_label("kind"), &["no column `kind`: the first row holds no names"]);
}
