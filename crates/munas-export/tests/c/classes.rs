//! `munas_classify` against the host's reading of an output.

use munas_export::c::{CError, CSettings, generate};
use munas_ir::Graph;
use munas_quant::predicted_class;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::PUBLISHED;
use crate::{
    cases,
    compiled::Project,
    networks::{Ranges, case},
    source,
    two_classes::two_class_case,
};

/// Writes the class of every output on standard input, two bytes each.
const PROGRAM: &str = r#"
#include <stdio.h>
#include "model.h"

int main(void) {
    static int8_t output[MUNAS_OUTPUT_SIZE];
    while (fread(output, sizeof output, 1, stdin) == 1) {
        const unsigned int class_index = munas_classify(output);
        if (class_index >= MUNAS_CLASSES) {
            return 1;
        }
        putchar((int)(class_index & 255u));
        putchar((int)(class_index >> 8));
    }
    return 0;
}
"#;

/// Outputs of all kinds: any element, few distinct ones (so that the largest stands twice), all equal, and beside
/// `zero_point`.
fn outputs(length: usize, zero_point: i8, rng: &mut impl Rng) -> Vec<Vec<i8>> {
    let near = |rng: &mut dyn Rng| zero_point.saturating_add(rng.random_range(-1..=1));
    let mut outputs: Vec<Vec<i8>> = Vec::new();
    for _ in 0..400 {
        outputs.push((0..length).map(|_| rng.random()).collect());
        outputs.push((0..length).map(|_| rng.random_range(125..=127)).collect());
        outputs.push((0..length).map(|_| near(rng)).collect());
    }
    outputs.extend([i8::MIN, -1, 0, 1, i8::MAX].map(|element| vec![element; length]));
    if length == 1 {
        outputs.extend((i8::MIN..=i8::MAX).map(|element| vec![element]));
    }
    outputs
}

fn check(graph: &Graph, ranges: Ranges, rng: &mut ChaCha8Rng) -> Option<()> {
    let case = case(graph, ranges, 1, rng);
    let source = source(&case, PUBLISHED);
    let project = Project::new(&source.files);
    project.write("classify.c", PROGRAM);
    project.compile("gcc", &["-std=c99", "-O1", "classify.c", "model.c", "-o", "classify"])?;
    let zero_point = case.network.quantisation().tensor(graph.output()).zero_point;
    let outputs = outputs(graph.shape(graph.output()).elements(), zero_point, rng);
    let input: Vec<u8> = outputs.iter().flatten().map(|element| element.cast_unsigned()).collect();
    let written = project.run("classify", &input);
    let classes = written.as_chunks().0.iter().map(|bytes| usize::from(u16::from_le_bytes(*bytes)));
    let expected: Vec<usize> = outputs.iter().map(|output| predicted_class(output, zero_point)).collect();
    assert_eq!(classes.collect::<Vec<_>>(), expected, "{graph}");
    let seen = |class: usize| expected.contains(&class);
    assert!((0..case.network.classes().min(10)).all(seen), "every class occurs");
    Some(())
}

#[test]
fn classes_are_those_of_the_host() {
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    for outputs in [1, 2, 3, 10, 300] {
        for ranges in [Ranges::Calibrated, Ranges::Distorted] {
            if check(&cases::dense_with(outputs), ranges, &mut rng).is_none() {
                return;
            }
        }
    }
}

/// The program that is exported says the class of every sample, of two classes as of many.
#[test]
fn the_test_program_classifies() {
    let mut rng = ChaCha8Rng::seed_from_u64(32);
    let two_classes = two_class_case(&cases::dense_with(1), 40, &mut rng);
    let seven_classes = case(&cases::dense_with(7), Ranges::Calibrated, 40, &mut rng);
    for case in [two_classes, seven_classes] {
        let project = Project::new(&source(&case, PUBLISHED).files);
        if project.compile("gcc", &["-std=c99", "model_test.c", "model.c", "-o", "model_test"]).is_none() {
            return;
        }
        let text = String::from_utf8(project.run("model_test", b"")).expect("text");
        for (index, run) in crate::expected(&case).iter().enumerate() {
            let class = run.class.expect("a network has classes");
            assert!(text.contains(&format!("sample {index}: class {class}\n")), "{text}");
        }
        assert!(text.ends_with("40 samples, 0 differences\n"), "{text}");
    }
}

/// Names that C, its preprocessor or a terminal could take for something else.
fn hostile_labels() -> Vec<String> {
    let long = "ö".repeat(200);
    let labels = [
        "cat",
        "",
        "a \"b\"",
        "back\\slash\\",
        "??/",
        "??)??=",
        "two\nlines\r\t",
        "*/ /* // */",
        "größe",
        "日本語",
        "\u{202e}rtl\u{202c}",
        "munas_invoke MUNAS_CLASSES model.h",
        "%s%n%d",
        "\u{1b}[31mred",
        "{input} {labels}",
        "1 2 3",
        "|`*_<b>",
        &long,
    ];
    labels.map(str::to_owned).to_vec()
}

/// Writes every label with a zero byte behind it.
const LABELS: &str = r#"
#include <stdio.h>
#include <string.h>
#include "model.h"

int main(void) {
    for (int i = 0; i < MUNAS_CLASSES; i++) {
        fwrite(munas_labels[i], strlen(munas_labels[i]) + 1, 1, stdout);
    }
    return 0;
}
"#;

#[test]
fn labels_survive_the_compiler() {
    let labels = hostile_labels();
    let mut rng = ChaCha8Rng::seed_from_u64(33);
    let case = case(&cases::dense_with(labels.len()), Ranges::Calibrated, 3, &mut rng);
    let settings = CSettings {
        title: "run */ /* ??/ munas_1",
        labels: &labels,
        samples: (&case.samples).into(),
        ..CSettings::default()
    };
    let source = generate(&case.network, &settings).unwrap();
    let project = Project::new(&source.files);
    project.write("labels.c", LABELS);
    for (program, standard) in [("labels", "-std=c99"), ("labels", "-std=gnu11"), ("model_test", "-std=c99")]
    {
        let program_source = format!("{program}.c");
        if project.compile("gcc", &[standard, &program_source, "model.c", "-o", program]).is_none() {
            return;
        }
        if program == "labels" {
            let written = String::from_utf8(project.run(program, b"")).unwrap();
            let mut expected = labels.clone();
            // 255 bytes are in the middle of a character.
            expected.last_mut().unwrap().truncate(254);
            assert_eq!(written.split_terminator('\0').collect::<Vec<_>>(), expected);
        }
    }
    for (compiler, flags) in [("avr-gcc", "-mmcu=atmega1284p"), ("arm-none-eabi-gcc", "-mcpu=cortex-m0")] {
        let _ = project.compile(compiler, &[flags, "-std=c99", "-c", "model.c", "-o", "model.o"]);
    }
    let readme = &source.files.iter().find(|file| file.name == "README.md").unwrap().text;
    assert!(
        readme.contains("| 14 | {input} {labels} |\n") && readme.contains("| 16 | \\|\\`\\*\\_&lt;b> |\n"),
        "{readme}"
    );
    assert!(readme.contains("| 11 | munas\\_invoke MUNAS\\_CLASSES model.h |\n"), "{readme}");
}

#[test]
fn labels_are_as_many_as_classes() {
    let mut rng = ChaCha8Rng::seed_from_u64(34);
    let case = case(&cases::dense_with(1), Ranges::Calibrated, 0, &mut rng);
    let labels: Vec<String> = ["no", "yes", "perhaps"].map(str::to_owned).to_vec();
    let generated = |labels| generate(&case.network, &CSettings { labels, ..CSettings::default() });
    assert_eq!(generated(&labels), Err(CError::Labels { expected: 2, found: 3 }));
    let header = &generated(&labels[..2]).unwrap().files[0].text;
    assert!(header.contains("#define MUNAS_LABEL_SIZE 4\n"), "{header}");
}

/// Labels take memory in firmware that uses them, and in no other.
#[test]
fn unused_labels_are_dropped() {
    let mut rng = ChaCha8Rng::seed_from_u64(35);
    let case = case(&cases::dense_with(1), Ranges::Calibrated, 0, &mut rng);
    let labels = ["a label of the first class", "a label of the second"].map(str::to_owned);
    let source = generate(&case.network, &CSettings { labels: &labels, ..CSettings::default() }).unwrap();
    let project = Project::new(&source.files);
    for (program, use_of_labels) in [("with", "munas_labels[1][0]"), ("without", "0")] {
        let text = format!(
            "#include \"model.h\"\nint main(void) {{ static int8_t in[30], out[1]; return munas_invoke(in, out) + {use_of_labels}; }}\n"
        );
        project.write(&format!("{program}.c"), &text);
        let program_source = format!("{program}.c");
        let flags = ["-std=c99", "-fdata-sections", "-ffunction-sections", "-Wl,--gc-sections", "-s"];
        let files = [&program_source, "model.c", "-o", program];
        if project.compile("gcc", &[&flags[..], &files].concat()).is_none() {
            return;
        }
        let binary = std::fs::read(project.path().join(program)).unwrap();
        let is_there = binary.windows(21).any(|window| window == b"a label of the second");
        assert_eq!(is_there, program == "with");
    }
    project.compile("gcc", &["-std=c99", "-DMUNAS_NO_LABELS", "-c", "model.c"]).unwrap();
    let object = std::fs::read(project.path().join("model.o")).unwrap();
    assert!(!object.windows(7).any(|window| window == b"a label"));
}
