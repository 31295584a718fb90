//! Networks with names of their own: several in one program.

use munas_export::{
    c::{CName, CSettings, CSource, TestSamples, generate},
    input::{InputConversion, RawType},
    verify::{CNetwork, FirmwareOptions, Target, firmware, trace},
};
use munas_quant::Executor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    cases,
    compiled::Project,
    networks::{Case, Ranges, case},
    unless_missing,
};

fn source(case: &Case, name: &CName, conversion: &InputConversion, raw: &[Vec<f32>]) -> CSource {
    let (conversion, samples) = (Some(conversion), TestSamples::Raw(raw));
    // What looks like a name of the source is left as it is in the title.
    let title = "run munas_1, model.h";
    generate(&case.network, &CSettings { title, name, conversion, samples, ..CSettings::default() })
        .expect("the sizes fit the kernels")
}

/// Runs both networks, one after the other and back, and compares each with its own vectors.
const BOTH: &str = r#"
#include <stdio.h>
#include "gesture.h"
#include "gesture_vectors.h"
#include "model.h"
#include "model_vectors.h"

#define CHECK(prefix, PREFIX, sample)                                                                                  \
    do {                                                                                                               \
        static int8_t input[PREFIX##_INPUT_SIZE], output[PREFIX##_OUTPUT_SIZE];                                        \
        prefix##_quantise_input(prefix##_test_raw[sample], input);                                                     \
        if (prefix##_invoke(input, output) != 0) {                                                                     \
            return 1;                                                                                                  \
        }                                                                                                              \
        for (int i = 0; i < PREFIX##_OUTPUT_SIZE; i++) {                                                               \
            if (output[i] != prefix##_test_outputs[sample][i]) {                                                       \
                return 2;                                                                                              \
            }                                                                                                          \
        }                                                                                                              \
        if (prefix##_classify(output) != prefix##_test_classes[sample]) {                                              \
            return 3;                                                                                                  \
        }                                                                                                              \
    } while (0)

int main(void) {
    for (int round = 0; round < 2; round++) {
        for (int sample = 0; sample < GESTURE_TEST_SAMPLES; sample++) {
            CHECK(gesture, GESTURE, sample);
            CHECK(munas, MUNAS, sample);
        }
    }
    printf("%d %d %d\n", GESTURE_INPUT_SIZE, MUNAS_INPUT_SIZE, GESTURE_CLASSES);
    return 0;
}
"#;

#[test]
fn two_networks_link_into_one_program() {
    let mut rng = ChaCha8Rng::seed_from_u64(51);
    let (large, small) = (cases::every_kernel(), cases::dense_on(12, 3));
    let (large, small) =
        (case(&large, Ranges::Distorted, 0, &mut rng), case(&small, Ranges::Calibrated, 0, &mut rng));
    let conversion =
        InputConversion { raw: RawType::F32, scale: vec![0.5, 0.25, 0.125], offset: vec![-0.5, 0.0, 0.5] };
    let raw = |elements: usize| -> Vec<Vec<f32>> {
        (0..4)
            .map(|sample| (0..elements).map(|index| ((index * 7 + sample) % 11) as f32 - 4.0).collect())
            .collect()
    };
    let gesture = source(&large, &"gesture".parse().unwrap(), &conversion, &raw(270));
    let model = source(&small, &CName::MODEL, &conversion, &raw(12));
    assert!(gesture.files.iter().all(|file| file.name.contains("gesture")));
    for file in gesture.files.iter().filter(|file| file.name.ends_with(".c") || file.name.ends_with(".h")) {
        assert!(!file.text.replace("munas_1, model.h", "").contains("munas_"), "{}", file.name);
    }

    let project = Project::new(gesture.files.iter().chain(&model.files));
    project.write("both.c", BOTH);
    let sources = ["both.c", "gesture.c", "model.c", "-o", "both"];
    if project.compile("gcc", &[&["-std=c99", "-O1"], &sources[..]].concat()).is_none() {
        return;
    }
    assert_eq!(project.run("both", b""), b"270 12 3\n");
    project.compile("gcc", &["-std=c99", "gesture_test.c", "gesture.c", "-o", "gesture_test"]).unwrap();
    let text = String::from_utf8(project.run("gesture_test", b"")).unwrap();
    assert!(text.ends_with("4 samples, 0 differences\n"), "{text}");
    // The headers are C++ as well, both in one file.
    project.write("both.cpp", "#include \"gesture.h\"\n#include \"model.h\"\nint main() { return GESTURE_CLASSES - MUNAS_CLASSES; }\n");
    let _ = project.compile("g++", &["-std=c++11", "both.cpp", "-o", "headers"]);
}

#[test]
fn a_network_with_a_name_runs_on_a_board() {
    let mut rng = ChaCha8Rng::seed_from_u64(52);
    let case = case(&cases::every_kernel(), Ranges::Calibrated, 2, &mut rng);
    let name = "add_layer".parse().unwrap();
    let source = generate(&case.network, &CSettings { name: &name, ..CSettings::default() }).unwrap();
    let network = CNetwork::new(&source, case.network.graph());
    let target = Target::find("mps2-an386").unwrap();
    let options = FirmwareOptions::default();
    let Some(report) = unless_missing(firmware(&network, target, &case.samples, &options)) else { return };
    let mut executor = Executor::new(&case.network);
    assert_eq!((report.arena, report.warnings), (Some(source.plan.size as u64), String::new()));
    for (run, sample) in report.samples.iter().zip(&case.samples) {
        assert_eq!(run.output, executor.run(sample));
    }
    let traced = trace(&network, case.network.graph(), target, &case.samples, &options).unwrap();
    assert_eq!(traced[0].len(), case.network.graph().nodes().len());
}
