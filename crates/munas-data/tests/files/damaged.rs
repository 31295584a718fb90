//! Files with random damage are read or refused; no reader panics, hangs or reserves absurd memory.

use std::fs;
use std::time::{Duration, Instant};

use image::ImageFormat;
use munas_data::{AudioSettings, LoadOptions, load};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::fabricate::{self, photographs, pictures, recordings};

/// A change to a file.
#[derive(Debug, Clone)]
enum Damage {
    /// A byte becomes another.
    Set(prop::sample::Index, u8),
    /// Four bytes become an extreme number.
    Extreme(prop::sample::Index),
    /// The rest is missing.
    Cut(prop::sample::Index),
    /// Bytes appear.
    Insert(prop::sample::Index, Vec<u8>),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let damage = prop_oneof![
        4 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(place, byte)| Damage::Set(place, byte)),
        1 => any::<prop::sample::Index>().prop_map(Damage::Extreme),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        1 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
    ];
    prop::collection::vec(damage, 1..6)
}

fn damage(mut file: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        if file.is_empty() {
            break;
        }
        match damage {
            Damage::Set(place, byte) => *place.get_mut(&mut file) = *byte,
            Damage::Extreme(place) => {
                let start = place.index(file.len());
                file.iter_mut().skip(start).take(4).for_each(|byte| *byte = 0xff);
            }
            Damage::Cut(place) => file.truncate(place.index(file.len())),
            Damage::Insert(place, bytes) => {
                let place = place.index(file.len());
                file.splice(place..place, bytes.iter().copied());
            }
        }
    }
    file
}

/// Loads; a dataset that comes out of it must be consistent.
fn read(source: &str, options: &LoadOptions) {
    if let Ok(dataset) = load(source, options) {
        let sample_len: usize = dataset.input.iter().product();
        for split in [&dataset.train, &dataset.validation, &dataset.test] {
            for index in 0..split.len() {
                assert_eq!(split.sample(index).len(), sample_len);
                assert!((split.label(index) as usize) < dataset.classes());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn idx(damages in damages(), victim in 0_usize..4) {
        let folder = tempfile::tempdir().unwrap();
        fabricate::write_idx_folder(folder.path());
        let victim = fs::read_dir(folder.path()).unwrap().nth(victim).unwrap().unwrap().path();
        fs::write(&victim, damage(fs::read(&victim).unwrap(), &damages)).unwrap();
        read(&format!("idx:{}", folder.path().display()), &LoadOptions::default());
    }

    #[test]
    fn npz(damages in damages()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.npz");
        fs::write(&path, damage(fabricate::small_npz(), &damages)).unwrap();
        read(&format!("npz:{}", path.display()), &LoadOptions::default());
    }

    #[test]
    fn npy_headers(damages in damages()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.npz");
        let x = damage(fabricate::npy("<f4", "(6, 1, 2)", &[7; 48]), &damages);
        let y = fabricate::npy("|u1", "(6,)", &[0, 1, 0, 1, 0, 1]);
        fs::write(&path, fabricate::npz(&[("x_train", x), ("y_train", y)])).unwrap();
        read(&format!("npz:{}", path.display()), &LoadOptions::default());
    }

    #[test]
    fn cifar(damages in damages(), gzipped: bool) {
        let folder = tempfile::tempdir().unwrap();
        fabricate::write_cifar_folder(folder.path());
        let victim = folder.path().join("cifar10").join(if gzipped { "test_batch.bin.gz" } else { "data_batch_1.bin" });
        fs::write(&victim, damage(fs::read(&victim).unwrap(), &damages)).unwrap();
        let data_dir = Some(folder.path().to_path_buf());
        read("cifar10", &LoadOptions { data_dir, ..LoadOptions::default() });
    }

    #[test]
    fn images(
        damages in damages(), skip_bad: bool,
        format in prop::sample::select(vec![ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let image = photographs::image(format, 6, 4, [9, 99, 200]);
        for (name, content) in [("a/1", image.clone()), ("a/2", damage(image.clone(), &damages)), ("b/1", image)] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let options = LoadOptions { skip_bad, ..LoadOptions::default() };
        read(&format!("images:{}", folder.path().display()), &options);
    }

    #[test]
    fn audio(damages in damages(), skip_bad: bool, bits in prop::sample::select(vec![8_u16, 16, 24, 32])) {
        let folder = tempfile::tempdir().unwrap();
        let spec = hound::WavSpec {
            channels: 1, sample_rate: 2_000, bits_per_sample: bits, sample_format: hound::SampleFormat::Int,
        };
        let recording = recordings::wav_of(spec, &recordings::tone(200, 1, 0));
        for (name, content) in
            [("a/1", recording.clone()), ("a/2", damage(recording.clone(), &damages)), ("b/1", recording)]
        {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let audio = AudioSettings { clip_ms: 100.0, ..AudioSettings::default() };
        let options = LoadOptions { skip_bad, audio, ..LoadOptions::default() };
        read(&format!("audio:{}", folder.path().display()), &options);
    }

    #[test]
    fn coco(damages in damages()) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("coco");
        photographs::write_coco(&root);
        let victim = root.join("annotations/instances_train2014.json");
        fs::write(&victim, damage(fs::read(&victim).unwrap(), &damages)).unwrap();
        let data_dir = Some(folder.path().to_path_buf());
        read("vww", &LoadOptions { data_dir, size: Some((8, 8)), ..LoadOptions::default() });
    }

    /// Whatever is changed is found, unless it is between the sections.
    #[test]
    fn packed(damages in damages()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.csv");
        fs::write(&path, fabricate::small_table()).unwrap();
        let original = load(&format!("csv:{}", path.display()), &LoadOptions::default()).unwrap();
        original.pack(&path).unwrap();
        fs::write(&path, damage(fs::read(&path).unwrap(), &damages)).unwrap();
        let source = format!("packed:{}", path.display());
        read(&source, &LoadOptions::default());
        if let Ok(dataset) = load(&source, &LoadOptions::default()) {
            prop_assert_eq!(&dataset.fingerprint, &original.fingerprint);
            prop_assert_eq!(&dataset.class_names, &original.class_names);
            prop_assert_eq!((dataset.facts, dataset.full_scale), (original.facts, original.full_scale));
        }
    }

    #[test]
    fn csv(damages in damages(), skip_bad: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.csv");
        fs::write(&path, damage(fabricate::small_table().into_bytes(), &damages)).unwrap();
        let options = LoadOptions { skip_bad, ..LoadOptions::default() };
        read(&format!("csv:{}", path.display()), &options);
    }
}

/// Damages files at random for `MUNAS_FUZZ_SECONDS` (two, if it is not set), from `MUNAS_FUZZ_SEED` on.
#[test]
fn pictures_and_recordings_for_as_long_as_asked() {
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let end = Instant::now() + Duration::from_secs(setting("MUNAS_FUZZ_SECONDS", 2));
    let mut rng = ChaCha8Rng::seed_from_u64(setting("MUNAS_FUZZ_SEED", 1));
    let deep =
        image::ImageBuffer::from_fn(9, 7, |x, y| image::LumaA([(x * 99 * y) as u16, (y * 9_000) as u16]));
    let photograph =
        image::RgbImage::from_fn(40, 24, |x, y| image::Rgb([(x * 5) as u8, (x ^ y) as u8, y as u8]));
    let photograph = image::DynamicImage::from(photograph);
    let spec = |channels, bits_per_sample, sample_format| hound::WavSpec {
        channels,
        sample_rate: 2_000,
        bits_per_sample,
        sample_format,
    };
    let tone = recordings::tone(300, 1, 0);
    let files = [
        ("images", pictures::file(ImageFormat::Png, &image::DynamicImage::from(deep))),
        ("images", pictures::oriented(ImageFormat::Png, &photograph, 6)),
        ("images", pictures::oriented(ImageFormat::Jpeg, &photograph, 8)),
        ("images", pictures::two_colours([[1, 2, 3], [4, 5, 6]], &[vec![0, 1, 0], vec![1, 1, 0]])),
        ("images", pictures::file(ImageFormat::Bmp, &photograph)),
        ("audio", recordings::wav_of(spec(2, 24, hound::SampleFormat::Int), &tone)),
        ("audio", recordings::wav_of(spec(1, 16, hound::SampleFormat::Int), &tone)),
    ];
    let audio = AudioSettings { clip_ms: 100.0, ..AudioSettings::default() };
    let options = LoadOptions { skip_bad: true, audio, ..LoadOptions::default() };
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    while Instant::now() < end {
        let (kind, file) = &files[rng.random_range(0..files.len())];
        let mut damaged = file.clone();
        for _ in 0..rng.random_range(1..5) {
            let at = rng.random_range(0..damaged.len());
            match rng.random_range(0..4) {
                0 => damaged[at] = rng.random(),
                1 => damaged.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xff),
                2 => damaged.truncate(at.max(1)),
                _ => drop(damaged.splice(at..at, (0..rng.random_range(1..9)).map(|byte| byte * 31))),
            }
        }
        for (name, content) in [("a/1", file), ("a/2", &damaged), ("b/1", file)] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        read(&format!("{kind}:{}", folder.path().display()), &options);
    }
}
