//! `munas_quantise_input` against the host's conversion: every raw value of the integers, and of floating point the
//! hard ones.

use munas_export::{
    c::{CSettings, CSource, TestSamples, generate},
    input::{InputConversion, RawType},
    verify::{CNetwork, FirmwareOptions, HostOptions, TARGETS, Target, firmware, host},
};
use munas_ir::{TensorId, TensorQuantisation};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    STRICT, cases,
    compiled::Project,
    networks::{Case, Ranges, case},
    unless_missing,
};

/// A network whose input is this large, quantised for values about 0.
fn network(elements: usize, channels: usize, rng: &mut ChaCha8Rng) -> Case {
    case(&cases::dense_on(elements, channels), Ranges::Calibrated, 0, rng)
}

fn input_of(case: &Case) -> TensorQuantisation {
    case.network.quantisation().tensor(TensorId::INPUT)
}

/// The mean and standard deviation of values of a type, as of data that fill a part of its range.
fn conversion(raw: RawType, channels: usize, rng: &mut impl Rng) -> InputConversion {
    let (low, high) = raw.range().map_or((-40.0, 60.0), |range| (*range.start() as f32, *range.end() as f32));
    let mut draw = || {
        let deviation = (high - low) * rng.random_range(0.02..0.4);
        let mean = rng.random_range(low..high);
        (1.0 / deviation, -mean / deviation)
    };
    let (scale, offset) = (0..channels).map(|_| draw()).unzip();
    InputConversion { raw, scale, offset }
}

/// All integers of a type; of floating point, values about every boundary between two elements, and special ones.
fn raw_values(conversion: &InputConversion, input: TensorQuantisation, rng: &mut impl Rng) -> Vec<f32> {
    if let Some(range) = conversion.raw.range() {
        return range.map(|value| value as f32).collect();
    }
    let mut values = vec![0.0, -0.0, 1e-40, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let [low, high] = input.steps();
    for channel in 0..conversion.channels() {
        let (scale, offset) = (conversion.scale[channel], conversion.offset[channel]);
        let mut boundary = low - 1.0;
        while boundary <= high + 1.0 {
            let at = ((boundary + 0.5) * input.scale - offset) / scale;
            values.extend([at, at.next_up(), at.next_down(), at.next_up().next_up()]);
            boundary += 1.0;
        }
    }
    values.extend((0..500).map(|_| rng.random_range(-200.0_f32..200.0)));
    values
}

/// Samples that hold each value in each channel.
fn samples(values: &[f32], elements: usize, channels: usize) -> Vec<Vec<f32>> {
    let pixels = elements / channels;
    let each = values.chunks(pixels).map(|values| {
        let padded = values.iter().copied().chain(std::iter::repeat(0.0)).take(pixels);
        padded.flat_map(|value| std::iter::repeat_n(value, channels)).collect()
    });
    each.collect()
}

fn source(case: &Case, conversion: &InputConversion, samples: &[Vec<f32>]) -> CSource {
    let settings = CSettings {
        conversion: Some(conversion),
        samples: TestSamples::Raw(samples),
        ..CSettings::default()
    };
    generate(&case.network, &settings).expect("the conversion is that of the network")
}

#[test]
fn every_raw_value_becomes_the_element_of_the_host() {
    let mut rng = ChaCha8Rng::seed_from_u64(41);
    for raw in [RawType::U8, RawType::I8, RawType::U16, RawType::I16, RawType::F32] {
        for (elements, channels) in [(64, 1), (96, 3)] {
            let case = network(elements, channels, &mut rng);
            for conversion in [conversion(raw, channels, &mut rng), halves(raw, channels, input_of(&case))] {
                let values = raw_values(&conversion, input_of(&case), &mut rng);
                let samples = samples(&values, elements, channels);
                let network = CNetwork::new(&source(&case, &conversion, &[]), case.network.graph());
                // Compilers may fuse a multiplication and an addition, and do so where they are told to.
                for flags in [&STRICT[..], &["-O3", "-std=gnu99", "-ffp-contract=fast", "-march=native"]] {
                    let options = HostOptions {
                        flags: flags.iter().map(ToString::to_string).collect(),
                        ..HostOptions::default()
                    };
                    let runs = host(&network, TestSamples::Raw(&samples), &options);
                    let Some(runs) = unless_missing(runs) else { return };
                    for (sample, run) in samples.iter().zip(runs) {
                        let expected = conversion.quantise(sample, input_of(&case));
                        assert_eq!(run.input, Some(expected), "{conversion:?}, {flags:?}: {sample:?}");
                    }
                }
            }
        }
    }
}

/// A conversion whose values lie in the middle between two elements over and over.
fn halves(raw: RawType, channels: usize, input: TensorQuantisation) -> InputConversion {
    InputConversion {
        raw,
        scale: vec![0.5 * input.scale; channels],
        offset: vec![-7.5 * input.scale; channels],
    }
}

#[test]
fn boards_make_the_inputs_of_the_host() {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    for raw in [RawType::U8, RawType::I16, RawType::F32] {
        let (elements, channels) = (96, 3);
        let case = network(elements, channels, &mut rng);
        for conversion in [conversion(raw, channels, &mut rng), halves(raw, channels, input_of(&case))] {
            let values = raw_values(&conversion, input_of(&case), &mut rng);
            let step = values.len().div_ceil(400);
            let values: Vec<f32> = values.into_iter().step_by(step).collect();
            let samples = samples(&values, elements, channels);
            let network = CNetwork::new(&source(&case, &conversion, &[]), case.network.graph());
            for target in &TARGETS {
                let report =
                    firmware(&network, target, TestSamples::Raw(&samples), &FirmwareOptions::default());
                let Some(report) = unless_missing(report) else { continue };
                assert_eq!(report.warnings, "", "{}", target.name);
                for (sample, run) in samples.iter().zip(report.samples) {
                    let expected = conversion.quantise(sample, input_of(&case));
                    assert_eq!(run.output, case.network.run(&expected).pop().unwrap(), "{}", target.name);
                    assert_eq!(run.input, Some(expected), "{}, {conversion:?}: {sample:?}", target.name);
                }
            }
        }
    }
}

/// More samples than one firmware has room for.
#[test]
fn samples_are_spread_over_several_firmwares() {
    let mut rng = ChaCha8Rng::seed_from_u64(44);
    let case = network(1200, 3, &mut rng);
    let conversion = conversion(RawType::F32, 3, &mut rng);
    let samples: Vec<Vec<f32>> =
        (0..15).map(|_| (0..1200).map(|_| rng.random_range(-60.0_f32..90.0)).collect()).collect();
    let network = CNetwork::new(&source(&case, &conversion, &[]), case.network.graph());
    for board in ["atmega1284p", "microbit"] {
        let target = Target::find(board).unwrap();
        let report = firmware(&network, target, TestSamples::Raw(&samples), &FirmwareOptions::default());
        let Some(report) = unless_missing(report) else { continue };
        assert_eq!(report.samples.len(), samples.len(), "{board}");
        for (sample, run) in samples.iter().zip(report.samples) {
            assert_eq!(run.input, Some(conversion.quantise(sample, input_of(&case))), "{board}");
        }
    }
}

/// The exported program converts the raw samples, in place as well.
#[test]
fn the_test_program_starts_from_raw_samples() {
    const IN_PLACE: &str = r#"
#include <stdio.h>
#include "model.h"
#include "model_vectors.h"

int main(void) {
    static union { munas_raw raw[MUNAS_INPUT_SIZE]; int8_t input[MUNAS_INPUT_SIZE]; } shared;
    for (int sample = 0; sample < MUNAS_TEST_SAMPLES; sample++) {
        for (unsigned int i = 0; i < MUNAS_INPUT_SIZE; i++) {
            shared.raw[i] = munas_test_raw[sample][i];
        }
        munas_quantise_input(shared.raw, shared.input);
        for (unsigned int i = 0; i < MUNAS_INPUT_SIZE; i++) {
            if (shared.input[i] != munas_test_inputs[sample][i]) {
                return 1;
            }
        }
    }
    return 0;
}
"#;
    let mut rng = ChaCha8Rng::seed_from_u64(43);
    for raw in [RawType::U8, RawType::I8, RawType::U16, RawType::I16, RawType::F32] {
        let case = network(60, 3, &mut rng);
        let conversion = conversion(raw, 3, &mut rng);
        let mut values = raw_values(&conversion, input_of(&case), &mut rng);
        values.truncate(60);
        let source = source(&case, &conversion, &samples(&values, 60, 3));
        let project = Project::new(&source.files);
        project.write("in_place.c", IN_PLACE);
        for program in ["model_test", "in_place"] {
            let program_source = format!("{program}.c");
            let arguments = ["-std=c99", "-O2", &program_source, "model.c", "-o", program];
            if project.compile("gcc", &arguments).is_none() {
                return;
            }
            let text = String::from_utf8(project.run(program, b"")).expect("text");
            assert!(program == "in_place" || text.ends_with("3 samples, 0 differences\n"), "{text}");
        }
    }
}
