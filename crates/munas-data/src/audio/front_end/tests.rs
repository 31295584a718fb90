use proptest::prelude::*;

use super::*;

/// The wave of the golden file's script.
fn wave(samples: usize) -> Vec<f32> {
    let (mut state, mut phase) = (1_i64, 0_i64);
    let sample = |n: usize| {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        let noise = state / (1 << 16) % 2001 - 1000;
        phase = (phase + 7 * n as i64 / 5 + 900) % 65_536;
        let triangle = (phase - 32_768).abs() - 16_384;
        let loud = samples / 3 < n && n < samples * 2 / 3;
        (triangle.div_euclid(if loud { 4 } else { 8 }) + noise) as f32 / 32_768.0
    };
    (0..samples).map(sample).collect()
}

/// Rate and settings of the golden cases.
fn cases() -> Vec<(&'static str, u32, AudioSettings)> {
    let tiny = AudioSettings { peak: false, ..AudioSettings::default() };
    let log_mel = AudioSettings {
        features: FeatureKind::LogMel,
        clip_ms: 500.0,
        window_ms: 25.0,
        stride_ms: 12.5,
        mel_bins: 32,
        band: Some([125.0, 7500.0]),
        log_offset: 1e-3,
        ..tiny.clone()
    };
    let odd = AudioSettings {
        clip_ms: 300.0,
        window_ms: 21.0,
        stride_ms: 7.0,
        fft: Some(300),
        mel_bins: 13,
        coefficients: 13,
        band: Some([0.0, 5512.5]),
        log_offset: 1e-4,
        ..tiny.clone()
    };
    vec![
        ("mlperf-tiny", 16_000, tiny.clone()),
        ("munas", 16_000, AudioSettings { stride_ms: 10.0, coefficients: 40, ..tiny.clone() }),
        ("fsdd", 8_000, tiny),
        ("log-mel", 16_000, log_mel),
        ("odd", 11_025, odd),
    ]
}

#[derive(serde::Deserialize)]
struct Golden {
    name: String,
    shape: [usize; 2],
    frames: Vec<usize>,
    values: Vec<Vec<f64>>,
    sum: f64,
}

#[test]
fn features_are_those_of_tensorflow() {
    let golden: Vec<Golden> =
        serde_json::from_str(include_str!("../../../tests/golden/audio_front_end.json")).unwrap();
    assert_eq!(golden.len(), cases().len());
    for (golden, (name, rate, settings)) in golden.iter().zip(cases()) {
        assert_eq!(golden.name, name);
        let front_end = FrontEnd::new(&settings, rate).unwrap();
        let [frames, width, _] = front_end.shape();
        assert_eq!([frames, width], golden.shape, "{name}");
        let features = front_end.features(&front_end.clip(&wave(front_end.clip_samples())));
        assert_eq!(features.len(), frames * width, "{name}");
        let close = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-6, "{name}: {found} where {expected} is expected");
        };
        for (&frame, expected) in golden.frames.iter().zip(&golden.values) {
            for (found, expected) in features[frame * width..][..width].iter().zip(expected) {
                close(*found, *expected);
            }
        }
        close(features.iter().sum::<f64>() / 1e3, golden.sum / 1e3);
    }
}

#[test]
fn silence_is_the_lowest_stored_value_of_the_first_coefficient() {
    for features in FeatureKind::ALL {
        let settings = AudioSettings { features, ..AudioSettings::default() };
        let front_end = FrontEnd::new(&settings, 16_000).unwrap();
        let mut stored = Vec::new();
        front_end.append_quantised(&front_end.clip(&[]), &mut Scratch::default(), &mut stored);
        assert_eq!(stored[0], -128, "{features}");
        let (scale, zero_point) = front_end.quantisation();
        let silence =
            if features == FeatureKind::Mfcc { 80_f64.sqrt() * 1e-6_f64.ln() } else { 1e-6_f64.ln() };
        assert!((scale * f64::from(-128 - zero_point) - silence).abs() <= scale / 2.0, "{features}");
    }
}

#[test]
fn a_given_range_is_kept() {
    let settings = AudioSettings { range: Some([-10.0, 15.5]), ..AudioSettings::default() };
    let (scale, zero_point) = FrontEnd::new(&settings, 16_000).unwrap().quantisation();
    assert!((scale - 0.1).abs() < 1e-12);
    assert_eq!(zero_point, -28);
}

#[test]
fn clips_are_cut_filled_up_and_scaled_to_their_peak() {
    let front_end =
        FrontEnd::new(&AudioSettings { clip_ms: 2.0, window_ms: 1.0, ..AudioSettings::default() }, 8_000)
            .unwrap();
    assert_eq!(front_end.clip_samples(), 16);
    let clip = front_end.clip(&[0.25, -0.5]);
    assert_eq!((clip[..3].to_vec(), clip.len()), (vec![0.5, -1.0, 0.0], 16));
    // What is cut off does not count.
    let long: Vec<f32> = (1..=32).map(|n| n as f32 / 32.0).collect();
    assert_eq!(front_end.clip(&long)[15], 1.0);
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let check = |settings: AudioSettings, rate: u32, expected: &str| {
        let error = FrontEnd::new(&settings, rate).err().unwrap().to_string();
        assert!(error.contains(expected), "`{error}` does not say `{expected}`");
    };
    let base = AudioSettings::default;
    check(AudioSettings { window_ms: 0.0, ..base() }, 16_000, "window_ms");
    check(AudioSettings { window_ms: 2000.0, ..base() }, 16_000, "window_ms must not be above clip_ms");
    check(AudioSettings { stride_ms: 0.01, ..base() }, 16_000, "less than a sample");
    check(AudioSettings { fft: Some(256), ..base() }, 16_000, "`data.audio.fft` must be from 480");
    check(AudioSettings { coefficients: 41, ..base() }, 16_000, "coefficients");
    check(AudioSettings { mel_bins: 0, coefficients: 0, ..base() }, 16_000, "mel_bins");
    check(AudioSettings { band: Some([4000.0, 20.0]), ..base() }, 16_000, "band");
    check(
        AudioSettings { band: Some([20.0, 8001.0]), ..base() },
        16_000,
        "`data.audio.band` [20, 8001] must end at half of that, 8000 Hz",
    );
    check(AudioSettings { log_offset: 0.0, ..base() }, 16_000, "log_offset");
    check(AudioSettings { range: Some([1.0, 1.0]), ..base() }, 16_000, "range");
    check(AudioSettings { renditions: 0, ..base() }, 16_000, "renditions");
    check(AudioSettings { clip_ms: 1e9, ..base() }, 16_000, "too long");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// With magnitudes in place of powers, features move with the logarithm of the volume in their first coefficient only.
    #[test]
    fn volume_moves_the_first_coefficient_alone(volume in 0.1_f32..1.0) {
        let settings = AudioSettings { peak: false, log_offset: 1e-12, ..AudioSettings::default() };
        let front_end = FrontEnd::new(&settings, 16_000).unwrap();
        let loud = wave(front_end.clip_samples());
        let soft: Vec<f32> = loud.iter().map(|sample| sample * volume).collect();
        let (loud, soft) = (front_end.features(&loud), front_end.features(&soft));
        let lower = 80_f64.sqrt() * f64::from(volume).ln();
        for (index, (loud, soft)) in loud.iter().zip(&soft).enumerate() {
            let expected = if index % 10 == 0 { lower } else { 0.0 };
            prop_assert!((soft - loud - expected).abs() < 1e-3, "{index}: {loud} {soft}");
        }
    }

    #[test]
    fn no_settings_panic(
        times in (0.0_f64..50.0, 0.0_f64..50.0, 0.0_f64..50.0),
        bins in 0_usize..70, coefficients in 0_usize..70, fft in prop::option::of(0_usize..2000), rate in 0_u32..50_000,
        band in (0.0_f64..9000.0, 0.0_f64..9000.0),
    ) {
        let settings = AudioSettings {
            clip_ms: times.0, window_ms: times.1, stride_ms: times.2, mel_bins: bins, coefficients, fft,
            band: Some([band.0, band.1]), ..AudioSettings::default()
        };
        if let Ok(front_end) = FrontEnd::new(&settings, rate) {
            let [frames, width, _] = front_end.shape();
            prop_assert_eq!(front_end.features(&front_end.clip(&[0.5; 100])).len(), frames * width);
        }
    }
}
