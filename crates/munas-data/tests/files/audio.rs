//! Recordings: the user's own, and Speech Commands in its published layout.

use std::fs;
use std::path::Path;

use hound::{SampleFormat, WavSpec};
use munas_data::{
    AudioSettings, Augmenter, Channel, DataError, Dataset, ElementType, LoadOptions, SampleBuffer, Split,
    load,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::fabricate::recordings;

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Two classes with six recordings each, of half a second at 8 kHz.
fn write_classes(folder: &Path) {
    for (kind, class) in ["high", "low"].into_iter().enumerate() {
        for take in 0..6 {
            let samples = recordings::tone(4_000, kind, take);
            write(folder, &format!("{class}/{take}.wav"), recordings::wav(8_000, &samples));
        }
    }
}

fn read(folder: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    load(&format!("audio:{}", folder.display()), options)
}

fn values(split: &Split, index: usize) -> Vec<f32> {
    (0..split.sample(index).len()).map(|value| split.sample(index).get(value)).collect()
}

#[track_caller]
fn refused(folder: &Path, options: &LoadOptions, parts: &[&str]) {
    let error = read(folder, options).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "`{error}` does not say `{part}`");
    }
}

#[test]
fn folders_of_recordings_are_read() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let dataset = read(folder.path(), &LoadOptions::default()).unwrap();
    assert_eq!((dataset.input, dataset.element_type()), ([49, 10, 1], ElementType::I8));
    assert_eq!((dataset.class_names.join(" "), dataset.rate), ("high low".to_owned(), Some(8_000)));
    assert_eq!((dataset.train.len(), dataset.validation.len(), dataset.test.len()), (8, 2, 2));
    // The second half of a clip of half a second is silence.
    assert_eq!(values(&dataset.train, 0)[48 * 10], -128.0);
    let same = read(folder.path(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.fingerprint, same.fingerprint);

    let audio = AudioSettings { clip_ms: 500.0, coefficients: 13, ..AudioSettings::default() };
    let other = read(folder.path(), &LoadOptions { audio, ..LoadOptions::default() }).unwrap();
    assert_eq!(other.input, [24, 13, 1]);
}

#[test]
fn formats_of_samples_and_channels_make_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let tone = recordings::tone(4_000, 0, 0);
    let wide = |bits_per_sample, channels| WavSpec {
        channels,
        sample_rate: 8_000,
        bits_per_sample,
        sample_format: SampleFormat::Int,
    };
    let stereo: Vec<i16> = tone.iter().flat_map(|&sample| [sample, sample]).collect();
    let expected = read(folder.path(), &LoadOptions::default()).unwrap().fingerprint;
    write(folder.path(), "high/0.wav", recordings::wav_of(wide(16, 2), &stereo));
    assert_eq!(read(folder.path(), &LoadOptions::default()).unwrap().fingerprint, expected);
    // 24 and 32 bits with the same numbers are softer; the peak is brought to 1.
    for bits in [24, 32] {
        write(folder.path(), "high/0.wav", recordings::wav_of(wide(bits, 1), &tone));
        assert_eq!(read(folder.path(), &LoadOptions::default()).unwrap().fingerprint, expected, "{bits}");
    }
    write(folder.path(), "high/0.wav", recordings::wav_of(wide(8, 1), &tone));
    assert_ne!(read(folder.path(), &LoadOptions::default()).unwrap().fingerprint, expected);
}

#[test]
fn recordings_that_cannot_be_used_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let tone = recordings::tone(4_000, 0, 0);
    write(folder.path(), "low/bad.wav", "RIFF");
    write(folder.path(), "low/cut.wav", &recordings::wav(8_000, &tone)[..5_000]);
    write(folder.path(), "low/fast.wav", recordings::wav(16_000, &tone));
    write(folder.path(), "low/none.wav", recordings::wav(8_000, &[]));
    refused(
        folder.path(),
        &LoadOptions::default(),
        &[
            "4 of 16 refused",
            "low/bad.wav",
            "cut.wav: truncated",
            "16000 Hz where 8000 Hz are expected",
            "no samples",
        ],
    );
    let skipping = LoadOptions { skip_bad: true, ..LoadOptions::default() };
    assert_eq!(read(folder.path(), &skipping).unwrap().refused, 4);
    let audio = AudioSettings { rate: Some(16_000), ..AudioSettings::default() };
    refused(folder.path(), &LoadOptions { audio, ..LoadOptions::default() }, &["15 of 16 refused"]);
    let empty = tempfile::tempdir().unwrap();
    refused(empty.path(), &LoadOptions::default(), &["no folders in it"]);
    fs::create_dir(empty.path().join("a")).unwrap();
    refused(empty.path(), &LoadOptions::default(), &["class `a` has no recordings: its folder is empty"]);
}

/// The samples of a recording as chunks of a WAV file, with the size of the samples as it is declared.
fn chunks(format: &[u8], declared: u32, data: &[u8]) -> Vec<u8> {
    [b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", format, b"data", &declared.to_le_bytes(), data].concat()
}

#[test]
fn doubles_companded_samples_and_unknown_sizes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let expected = read(folder.path(), &LoadOptions::default()).unwrap();
    let tone = recordings::tone(4_000, 0, 0);
    let bytes: Vec<u8> = tone.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let short = b"\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0";
    for declared in [0, u32::MAX, 0x7fff_ffff] {
        write(folder.path(), "high/0.wav", chunks(short, declared, &bytes));
        assert_eq!(read(folder.path(), &LoadOptions::default()).unwrap().fingerprint, expected.fingerprint);
    }
    let doubles: Vec<u8> =
        tone.iter().flat_map(|&sample| (f64::from(sample) / 32_768.0).to_le_bytes()).collect();
    let double = b"\x03\0\x01\0\x40\x1f\0\0\0\xfa\0\0\x08\0\x40\0";
    write(folder.path(), "high/0.wav", chunks(double, doubles.len() as u32, &doubles));
    assert_eq!(read(folder.path(), &LoadOptions::default()).unwrap().fingerprint, expected.fingerprint);
    let mu_law = b"\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0";
    write(folder.path(), "high/0.wav", chunks(mu_law, 4_000, &bytes[..4_000]));
    assert_eq!(read(folder.path(), &LoadOptions::default()).unwrap().train.len(), 8);
    let adpcm = b"\x11\0\x01\0\x40\x1f\0\0\xd7\x0f\0\0\0\x01\x04\0";
    write(folder.path(), "high/0.wav", chunks(adpcm, 4_000, &bytes[..4_000]));
    let refusal = "1 of 12 refused: high/0.wav: a WAV file of IMA ADPCM is not read";
    refused(folder.path(), &LoadOptions::default(), &[refusal]);
}

#[test]
fn other_kinds_of_sound_are_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        write(folder.path(), &format!("{class}/song.mp3"), b"ID3\x04\0\0\0\0\0\0TIT2");
        write(folder.path(), &format!("{class}/take.flac"), b"fLaC\0\0\0\x22");
    }
    let parts = [
        "4 of 4 refused: a/song.mp3: MP3 is not read; convert it, for example with `ffmpeg",
        "FLAC is not read",
    ];
    refused(folder.path(), &LoadOptions::default(), &parts);
    // Beside recordings that can be read, they are not left out silently either.
    write_classes(folder.path());
    refused(folder.path(), &LoadOptions::default(), &["4 of 16 refused"]);
    // What is no sound is not used, and that is said.
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    write(folder.path(), "high/labels.csv", "0.wav,high\n");
    let dataset = read(folder.path(), &LoadOptions::default()).unwrap();
    assert!(dataset.warnings[0].what.contains("1 file or folder is not used: high/labels.csv"));
}

#[test]
fn one_channel_is_taken_where_their_mix_is_silence() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let mono = read(folder.path(), &LoadOptions::default()).unwrap();
    let spec =
        WavSpec { channels: 2, sample_rate: 8_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    for take in 0..6 {
        let tone = recordings::tone(4_000, 0, take);
        let opposed: Vec<i16> = tone.iter().flat_map(|&sample| [sample, sample.saturating_neg()]).collect();
        write(folder.path(), &format!("high/{take}.wav"), recordings::wav_of(spec, &opposed));
    }
    let mix = read(folder.path(), &LoadOptions::default()).unwrap();
    let [warning] = &mix.warnings[..] else { panic!("{:?}", mix.warnings) };
    let what = "the channels of 6 recordings cancel out when they are mixed: high/0.wav";
    assert!(warning.what.contains(what), "{warning}");
    assert!(warning.hint.as_ref().unwrap().contains("--channel left"));
    let audio = AudioSettings { channel: Channel::Left, ..AudioSettings::default() };
    let left = read(folder.path(), &LoadOptions { audio, ..LoadOptions::default() }).unwrap();
    assert_eq!((left.fingerprint, left.warnings.len()), (mono.fingerprint, 0));
}

#[test]
fn the_band_fits_the_rate_unless_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, class) in ["high", "low"].into_iter().enumerate() {
        for take in 0..6 {
            let samples = recordings::tone(4_000, kind, take);
            write(folder.path(), &format!("{class}/{take}.wav"), recordings::wav(4_000, &samples));
        }
    }
    let dataset = read(folder.path(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.input, [49, 10, 1]);
    let with = |band| {
        let audio = AudioSettings { band, ..AudioSettings::default() };
        LoadOptions { audio, ..LoadOptions::default() }
    };
    let same = read(folder.path(), &with(Some([20.0, 2_000.0]))).unwrap();
    assert_eq!(same.fingerprint, dataset.fingerprint);
    let refusal = "recordings of 4000 Hz: `data.audio.band` [20, 4000] must end at half of that, 2000 Hz";
    refused(folder.path(), &with(Some([20.0, 4_000.0])), &[refusal]);
    let bands = [8_000, 16_000, 48_000].map(|rate| AudioSettings::default().band_at(rate));
    assert_eq!(bands, [[20.0, 4_000.0]; 3]);
}

#[test]
fn recordings_of_which_much_is_not_read_are_said() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let with = |clip_ms| {
        let audio = AudioSettings { clip_ms, ..AudioSettings::default() };
        read(folder.path(), &LoadOptions { audio, ..LoadOptions::default() }).unwrap()
    };
    assert_eq!((with(450.0).warnings, with(1_000.0).warnings), (Vec::new(), Vec::new()));
    let said = with(250.0).warnings;
    let what =
        "12 of 12 recordings are longer than the first 0.25 s that are read of each; the longest has 0.5 s";
    assert!(said[0].what.contains(what), "{said:?}");
}

#[test]
fn more_features_than_fit_are_refused_before_they_are_computed() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let error =
        read(folder.path(), &LoadOptions { memory: Some(5_000), ..LoadOptions::default() }).unwrap_err();
    assert!(matches!(error, DataError::TooLarge { bytes: 5_880, budget: 5_000, .. }), "{error}");
}

#[test]
fn noise_is_mixed_into_renditions_of_training_samples_alone() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let options = LoadOptions { background: Some(0.5), ..LoadOptions::default() };
    refused(folder.path(), &options, &["no folder _background_noise_"]);
    let noise: Vec<i16> = (0..30_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as i16).collect();
    write(folder.path(), "_background_noise_/white.wav", recordings::wav(8_000, &noise));

    let clean = read(folder.path(), &LoadOptions::default()).unwrap();
    let noisy = read(folder.path(), &options).unwrap();
    assert_eq!((clean.train.renditions(), noisy.train.renditions()), (0, 4));
    assert_eq!(noisy.sample_bytes(), (12 + 12 * 4) * 490);
    assert_ne!(clean.fingerprint, noisy.fingerprint);
    for index in 0..noisy.train.len() {
        let clean = values(&clean.train, index);
        assert_eq!(values(&noisy.train, index), clean);
        for rendition in 0..4 {
            let rendition = noisy.train.rendition(index, rendition);
            // Noise fills the silence after the recording and leaves its loudest part much as it is.
            assert!(rendition.get(48 * 10) > clean[48 * 10]);
            assert!((rendition.get(0) - clean[0]).abs() < 30.0);
        }
    }
}

#[test]
fn the_augmentation_takes_renditions_with_its_probability() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path());
    let noise: Vec<i16> = (0..30_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as i16).collect();
    write(folder.path(), "_background_noise_/white.wav", recordings::wav(8_000, &noise));
    let dataset =
        read(folder.path(), &LoadOptions { background: Some(0.5), ..LoadOptions::default() }).unwrap();
    let augmenter = Augmenter::new(&["background:0.8:0.5".parse().unwrap()], dataset.input, 128.0);
    assert!(!augmenter.is_identity());
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut buffer = SampleBuffer::new(ElementType::I8);
    let mut counts = [0; 5];
    for _ in 0..1000 {
        augmenter.apply_to(&dataset.train, 3, &mut rng, &mut buffer);
        let form = (0..4).position(|number| dataset.train.rendition(3, number) == buffer.sample());
        assert!(form.is_some() || buffer.sample() == dataset.train.sample(3));
        counts[form.unwrap_or(4)] += 1;
    }
    assert!((150..250).contains(&counts[4]), "{counts:?}");
    assert!(counts[..4].iter().all(|count| (150..250).contains(count)), "{counts:?}");
}

#[test]
fn noise_is_asked_for_only_where_there_is_some() {
    let error = load("glyphs", &LoadOptions { background: Some(0.1), ..LoadOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("glyphs: there is no background noise"), "{error}");
}

#[test]
fn speech_commands_have_twelve_classes() {
    let folder = tempfile::tempdir().unwrap();
    recordings::write_speech_commands(folder.path(), 2);
    let options = LoadOptions { data_dir: Some(folder.path().to_path_buf()), ..LoadOptions::default() };
    let dataset = load("speech-commands", &options).unwrap();
    assert_eq!((dataset.input, dataset.classes()), ([49, 10, 1], 12));
    assert_eq!(dataset.class_names[9..], ["yes", "silence", "unknown"]);
    // Two recordings of each word in each part, and a tenth of those each of silence and of other words.
    for split in [&dataset.train, &dataset.validation, &dataset.test] {
        assert_eq!(split.class_counts(12), [2; 12]);
    }
    let background = LoadOptions { background: Some(0.1), ..options.clone() };
    let with_noise = load("speech-commands", &background).unwrap();
    assert_eq!(with_noise.train.renditions(), 4);
    assert_eq!(values(&with_noise.test, 23), values(&dataset.test, 23));

    // Without the lists, the hash of the names decides.
    let root = folder.path().join("speech_commands_v0.02");
    fs::remove_file(root.join("validation_list.txt")).unwrap();
    fs::remove_file(root.join("testing_list.txt")).unwrap();
    let hashed = load("speech-commands", &options).unwrap();
    let counts = [&hashed.train, &hashed.validation, &hashed.test].map(|split| split.class_counts(12)[0]);
    assert_eq!(counts.iter().sum::<usize>(), 6);
    assert_ne!(hashed.fingerprint, dataset.fingerprint);

    fs::remove_dir_all(root.join("yes")).unwrap();
    let error = load("speech-commands", &options).unwrap_err().to_string();
    assert!(error.contains("no folder for the words yes"), "{error}");
}
