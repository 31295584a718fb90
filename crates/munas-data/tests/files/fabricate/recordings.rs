//! Recordings, and Speech Commands in its published layout.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use hound::SampleFormat::Int;

/// A mono WAV file of 16 bits.
pub fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    wav_of(
        hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: Int },
        samples,
    )
}

/// A WAV file of any integer format.
pub fn wav_of(spec: hound::WavSpec, samples: &[i16]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for &sample in samples {
        writer.write_sample(i32::from(sample) >> 16_u16.saturating_sub(spec.bits_per_sample)).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}

/// A tone whose pitch and loudness depend on `kind` and whose phase depends on `take`: classes that can be learned.
pub fn tone(samples: usize, kind: usize, take: usize) -> Vec<i16> {
    let sample = |n: usize| {
        let phase = (n * (kind + 2) * 150 + take * 7919) % 16_000;
        ((phase as i32 - 8_000) * 3 / 2 + (n * 31 % 200) as i32) as i16
    };
    (0..samples).map(sample).collect()
}

/// A tree of Speech Commands in its published layout: the ten words and two others, each with `takes` recordings in the training,
/// the validation and the test part, and noise.
pub fn write_speech_commands(data_dir: &Path, takes: usize) {
    let root = data_dir.join("speech_commands_v0.02");
    let words = ["down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "bed", "marvin"];
    let (mut validation, mut test) = (String::new(), String::new());
    for (kind, word) in words.into_iter().enumerate() {
        fs::create_dir_all(root.join(word)).unwrap();
        for take in 0..takes * 3 {
            let file = format!("{word}/{:08x}_nohash_0.wav", take * 77);
            // Some are shorter than a second.
            let samples = if take % 4 == 3 { 11_000 } else { 16_000 };
            fs::write(root.join(&file), wav(16_000, &tone(samples, kind, take))).unwrap();
            match take % 3 {
                1 => validation.push_str(&format!("{file}\n")),
                2 => test.push_str(&format!("{file}\n")),
                _ => {}
            }
        }
    }
    fs::write(root.join("validation_list.txt"), validation).unwrap();
    fs::write(root.join("testing_list.txt"), test).unwrap();
    fs::create_dir_all(root.join("_background_noise_")).unwrap();
    fs::write(root.join("_background_noise_/README.md"), "noise").unwrap();
    let noise: Vec<i16> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as i16).collect();
    fs::write(root.join("_background_noise_/white_noise.wav"), wav(16_000, &noise)).unwrap();
}
