//! Models of others: their figures, what is not in them, and what their runtime takes.
//!
//! The files are not part of the repository; `MUNAS_DATA` names the directory that has them in `tflite-models`.

use std::{fmt::Write, fs, path::PathBuf};

use expect_test::expect;
use munas_export::helper::HelperLimits;
use munas_export::tflite::{Model, Tflm, TflmError};

use crate::aligned_peak;

/// Models whose arena is larger than the tensors alive at any one step, and by how many bytes: the greedy planner leaves
/// a gap, or a kernel has a scratch buffer (64-bit sums of all outputs of the transposed convolution).
const LARGER_ARENAS: [(&str, u64); 3] = [
    ("mlperf_vww01_mobilenet_int8", 73_728 - 55_296),
    ("mlperf_vww01_mobilenet_fp32", 294_912 - 221_184),
    ("tflm_seanet_transpose_conv0", 8 * 3 * 12 * 64),
];

/// The runtime has no kernel for its float activations with 8-bit weights.
const WITHOUT_KERNEL: &str = "mlperf_kws01_dscnn_fp32";

/// Name and content of every model, by name.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn models() -> Vec<(String, Vec<u8>)> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let directory = std::env::var_os("MUNAS_DATA").map_or(beside, PathBuf::from).join("tflite-models");
    let Ok(entries) = fs::read_dir(&directory) else {
        eprintln!("skipped: no models in {}", directory.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let models = paths.filter(|path| path.extension().is_some_and(|extension| extension == "tflite"));
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut models: Vec<_> = models.map(|path| (name(&path), fs::read(&path).unwrap())).collect();
    models.sort();
    models
}

#[test]
fn every_model_is_priced_and_what_is_not_known_is_told() {
    let mut table = String::from("model: file order, best order, without input, model size, MACs\n");
    let models = models();
    if models.is_empty() {
        return;
    }
    for (name, file) in models {
        let cost = Model::read(&file).and_then(|model| model.cost()).unwrap();
        assert!(cost.best_order.exact, "{name}");
        assert_eq!(cost.exact, cost.unpriced.is_empty(), "{name}");
        let streamed = match &cost.streamed {
            Ok(streamed) => {
                assert!(streamed.peak_memory <= cost.peak_memory, "{name}");
                assert!(streamed.peak_memory_with_input <= cost.peak_memory_with_input, "{name}");
                format!("{} with input", streamed.peak_memory_with_input)
            }
            Err(reason) => reason.clone(),
        };
        let (own, best) = (cost.file_order.peak, cost.best_order.peak);
        let figures = [own, best, cost.peak_memory, cost.model_size, cost.macs];
        write!(table, "{name}: {}", figures.map(|figure| figure.to_string()).join(", ")).unwrap();
        let mut names: Vec<&str> = cost.unpriced.iter().map(|unpriced| &*unpriced.name).collect();
        names.dedup();
        writeln!(
            table,
            "{}{}; in rows: {streamed}",
            if names.is_empty() { "" } else { " but " },
            names.join(", ")
        )
        .unwrap();
    }
    expect![[r#"
        model: file order, best order, without input, model size, MACs
        mcunet_detection: 337024, 337024, 337024, 175224, 18333440; in rows: it has 3 outputs
        mcunet_vww: 161472, 161472, 161472, 444976, 11602264; in rows: 21688 with input
        mlperf_ad01_int8: 768, 768, 768, 270880, 264192; in rows: 768 with input
        mlperf_ic01_resnet_fp32: 196608, 196608, 196608, 310824, 12534400; in rows: 59008 with input
        mlperf_ic01_resnet_int8: 49152, 49152, 49152, 78744, 12534400; in rows: 14944 with input
        mlperf_ic_resnet_large_int8: 122880, 122880, 122880, 482880, 76555840; in rows: 36928 with input
        mlperf_kws01_dscnn_fp32: 64000, 64000, 64000, 33584, 2664768; in rows: 22672 with input
        mlperf_kws01_dscnn_int8: 16000, 16000, 16000, 24368, 2664768; in rows: 5860 with input
        mlperf_streaming_wakeword_int8: 6656, 6656, 6656, 48388, 826368; in rows: 4128 with input
        mlperf_vww01_mobilenet_fp32: 221184, 221184, 221184, 843400, 7491968; in rows: 60288 with input
        mlperf_vww01_mobilenet_int8: 55296, 55296, 55296, 219064, 7491968; in rows: 15072 with input
        tflm_audio_preprocessor_int8: 2060, 2060, 2060, 2824, 120 but custom operator "SignalWindow", custom operator "SignalFftAutoScale", custom operator "SignalRfft", custom operator "SignalEnergy", custom operator "SignalFilterBank", custom operator "SignalFilterBankSquareRoot", custom operator "SignalFilterBankSpectralSubtraction", custom operator "SignalPCAN", custom operator "SignalFilterBankLog"; in rows: operator 3 custom operator "SignalFftAutoScale" has several outputs
        tflm_dtln_noise_suppression: 1282, 1282, 1282, 366212, 32896 but UNIDIRECTIONAL_SEQUENCE_LSTM; in rows: it keeps state from one inference to the next
        tflm_hello_world_float: 128, 128, 128, 1284, 288; in rows: 128 with input
        tflm_hello_world_int8: 32, 32, 32, 420, 288; in rows: 32 with input
        tflm_keyword_scrambled: 10528, 10528, 10400, 27848, 4160 but SVDF; in rows: it keeps state from one inference to the next
        tflm_keyword_scrambled_8bit: 5408, 5408, 5280, 22728, 4160 but SVDF; in rows: it keeps state from one inference to the next
        tflm_micro_speech_int8: 5960, 5960, 5960, 16688, 336000; in rows: 580 with input
        tflm_mnist_lstm_int8: 1404, 1404, 1180, 9800, 5600 but UNIDIRECTIONAL_SEQUENCE_LSTM; in rows: it keeps state from one inference to the next
        tflm_person_detect_int8: 55296, 55296, 55296, 218920, 7160192; in rows: 14496 with input
        tflm_person_detect_vela: 158146, 158146, 148930, 268648, 0 but custom operator "ethos-u"; in rows: operator 1 custom operator "ethos-u" reads nothing that an operator before it writes
        tflm_seanet_add0: 1920, 1920, 640, 0, 320; in rows: it has 2 inputs
        tflm_seanet_conv0: 10432, 10432, 5120, 848, 250880; in rows: 9768 with input
        tflm_seanet_conv10: 5248, 5248, 640, 49664, 245760; in rows: 5248 with input
        tflm_seanet_leaky_relu0: 10240, 10240, 5120, 0, 0; in rows: 7680 with input
        tflm_seanet_pad0: 2608, 2608, 1328, 0, 0; in rows: 1968 with input
        tflm_seanet_quantize0: 3840, 3840, 1280, 0, 0; in rows: 2560 with input
        tflm_seanet_strided_slice0: 9296, 9296, 3984, 0, 0; in rows: 9296 with input
        tflm_seanet_sub0: 6272, 6272, 3072, 0, 1536; in rows: it has 2 inputs
        tflm_seanet_transpose_conv0: 5264, 5264, 4608, 49664, 245760; in rows: it has 2 inputs
        tflm_simple_add: 49152, 49152, 16384, 0, 16384; in rows: it has 2 inputs
    "#]].assert_eq(&table);
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn peak_of_the_file_order_is_the_arena_of_the_runtime() {
    let tflm = Tflm::new(HelperLimits::default());
    for (name, file) in models() {
        let model = Model::read(&file).unwrap();
        let cost = model.cost().unwrap();
        if !cost.unpriced.is_empty() {
            continue;
        }
        let larger = LARGER_ARENAS.iter().find(|(model, _)| *model == name).map_or(0, |(_, bytes)| *bytes);
        match tflm.arena_head(&file) {
            Err(error @ TflmError::Missing(_)) => return eprintln!("skipped: {error}"),
            Err(TflmError::Failed(_)) if name == WITHOUT_KERNEL => {}
            head => assert_eq!(head.unwrap(), aligned_peak(&cost) + larger, "{name}"),
        }
    }
}
