//! `munas_classify` against the host's reading of an output.

use munas_export::c::InputPlace;
use munas_ir::Graph;
use munas_quant::predicted_class;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

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

/// Outputs of all kinds: any element, few distinct ones (so that the largest stands twice), all equal, and beside `zero_point`.
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
    let source = source(&case, InputPlace::Caller);
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
        let project = Project::new(&source(&case, InputPlace::Caller).files);
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
