//! Files as recorders write them, and as they should not.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A chunk, padded to an even size.
fn chunk(id: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = [&id[..], &(content.len() as u32).to_le_bytes(), content].concat();
    if content.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

/// The fields of a format chunk.
fn fields(tag: u16, channels: u16, rate: u32, bytes: u16) -> Vec<u8> {
    let frame = channels * bytes;
    let mut fields = [tag, channels].map(u16::to_le_bytes).concat();
    fields.extend(rate.to_le_bytes());
    fields.extend((rate * u32::from(frame)).to_le_bytes());
    fields.extend([frame, bytes * 8].map(u16::to_le_bytes).concat());
    fields
}

/// A file of these chunks.
fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = chunks.concat();
    [b"RIFF", &(content.len() as u32 + 4).to_le_bytes()[..], b"WAVE", &content].concat()
}

fn shorts(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn read_bytes(file: &[u8], seconds: Option<f64>, channel: Channel) -> Result<Recording, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, file).unwrap();
    read(&path, seconds, channel)
}

/// The samples of a file, in units of 2⁻¹⁵.
fn samples(file: &[u8]) -> Result<Vec<i32>, String> {
    let recording = read_bytes(file, None, Channel::Mix)?;
    Ok(recording.samples.iter().map(|value| (value * 32_768.0) as i32).collect())
}

const VALUES: [i16; 5] = [0, 1_000, -2_000, 30_000, -32_768];

fn expected() -> Vec<i32> {
    VALUES.map(i32::from).to_vec()
}

#[test]
fn sizes_that_recorders_do_not_know_are_those_of_the_rest() {
    let format = chunk(b"fmt ", &fields(1, 1, 8_000, 2));
    for size in [0_u32, u32::MAX, 0x7fff_ffff, 0x7fff_ffda, 0xffff_f000] {
        let mut data = chunk(b"data", &shorts(&VALUES));
        data[4..8].copy_from_slice(&size.to_le_bytes());
        let mut file = riff(&[format.clone(), data]);
        file[4..8].copy_from_slice(&size.to_le_bytes());
        assert_eq!(samples(&file), Ok(expected()), "{size:#x}");
    }
    // No samples, and another chunk: the size of 0 is right.
    let empty = riff(&[format.clone(), chunk(b"data", &[]), chunk(b"LIST", b"INFOICMT")]);
    assert_eq!(samples(&empty), Err("there are no samples in it".to_owned()));
    assert_eq!(samples(&riff(&[format])), Err("there are no samples in it".to_owned()));
}

#[test]
fn chunks_of_odd_size_may_lack_their_padding() {
    let (format, data) = (chunk(b"fmt ", &fields(1, 1, 8_000, 2)), chunk(b"data", &shorts(&VALUES)));
    let padded = chunk(b"LIST", b"INFOx");
    let bare = padded[..padded.len() - 1].to_vec();
    for list in [padded, bare] {
        assert_eq!(samples(&riff(&[format.clone(), list.clone(), data.clone()])), Ok(expected()));
        assert_eq!(samples(&riff(&[list, format.clone(), data.clone()])), Ok(expected()));
    }
    // The samples may stand before their format, and other chunks anywhere.
    assert_eq!(samples(&riff(&[chunk(b"JUNK", &[0; 28]), data, format])), Ok(expected()));
}

#[test]
fn files_beyond_four_gigabytes_say_their_sizes_elsewhere() {
    let mut long = 10_u64.to_le_bytes().to_vec();
    long.splice(0..0, 100_u64.to_le_bytes());
    let mut data = chunk(b"data", &[shorts(&VALUES), vec![7; 8]].concat());
    data[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut file = riff(&[chunk(b"ds64", &long), chunk(b"fmt ", &fields(1, 1, 8_000, 2)), data]);
    file[..4].copy_from_slice(b"RF64");
    assert_eq!(samples(&file), Ok(expected()));
}

#[test]
fn the_extensible_form_is_what_it_extends() {
    let mut extended = fields(0xfffe, 1, 8_000, 2);
    extended.extend([22_u16, 16].map(u16::to_le_bytes).concat());
    extended.extend(4_u32.to_le_bytes());
    extended.extend(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    let file = |format: &[u8]| riff(&[chunk(b"fmt ", format), chunk(b"data", &shorts(&VALUES))]);
    assert_eq!(samples(&file(&extended)), Ok(expected()));
    extended[24] = 0x11;
    assert!(samples(&file(&extended)).unwrap_err().contains("IMA ADPCM"));
    assert_eq!(
        samples(&file(&fields(1, 0, 8_000, 2))).unwrap_err(),
        "0 channels of 16 bits at 8000 Hz are no recording"
    );
    assert_eq!(samples(&file(&fields(1, 1, 8_000, 2)[..10])).unwrap_err(), "truncated inside its header");
}

#[test]
fn what_is_missing_is_said_unless_it_is_not_needed() {
    let file = riff(&[chunk(b"fmt ", &fields(1, 1, 4, 2)), chunk(b"data", &shorts(&VALUES))]);
    let cut = &file[..file.len() - 3];
    assert_eq!(samples(cut).unwrap_err(), "truncated: 3 samples of 5 that its header declares");
    assert_eq!(read_bytes(cut, Some(0.75), Channel::Mix).unwrap().samples.len(), 3);
    assert_eq!(read_bytes(&file, Some(9.0), Channel::Mix).unwrap().samples.len(), 5);
    let doubles: Vec<u8> = [0.5, f64::NAN].iter().flat_map(|value| value.to_le_bytes()).collect();
    let file = riff(&[chunk(b"fmt ", &fields(3, 1, 4, 8)), chunk(b"data", &doubles)]);
    assert_eq!(samples(&file).unwrap_err(), "a sample is no number");
    assert_eq!(read_bytes(&file, Some(0.25), Channel::Mix).unwrap().samples, [0.5]);
}

#[test]
fn channels_are_mixed_or_one_is_taken() {
    let frames = shorts(&[8_192, -8_192, 16_384, -16_384, 0, 200]);
    let stereo = riff(&[chunk(b"fmt ", &fields(1, 2, 8_000, 2)), chunk(b"data", &frames)]);
    let mix = read_bytes(&stereo, None, Channel::Mix).unwrap();
    assert!(mix.cancelled && mix.samples[0] == 0.0);
    let left = read_bytes(&stereo, None, Channel::Left).unwrap();
    assert_eq!((left.samples, left.cancelled), (vec![0.25, 0.5, 0.0], false));
    let right = read_bytes(&stereo, None, Channel::Right).unwrap();
    assert_eq!(right.samples[..2], [-0.25, -0.5]);
    let mono = riff(&[chunk(b"fmt ", &fields(1, 1, 8_000, 2)), chunk(b"data", &frames)]);
    for channel in Channel::ALL {
        let recording = read_bytes(&mono, None, channel).unwrap();
        assert_eq!((recording.samples.len(), recording.cancelled), (6, false));
    }
    // Silence has lost nothing.
    let silence = riff(&[chunk(b"fmt ", &fields(1, 2, 8_000, 2)), chunk(b"data", &[0; 40])]);
    assert!(!read_bytes(&silence, None, Channel::Mix).unwrap().cancelled);
}

#[test]
fn other_formats_are_named_with_what_to_do() {
    for (head, name) in [
        (&b"ID3\x04\0\0\0\0\0\0\0\0"[..], "MP3"),
        (b"\xff\xfb\x90\x64\0\0\0\0\0\0\0\0", "MP3"),
        (b"fLaC\0\0\0\x22\0\0\0\0", "FLAC"),
        (b"OggS\0\x02\0\0\0\0\0\0", "Ogg"),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "MP4 (AAC)"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
    ] {
        let error = samples(head).unwrap_err();
        assert!(error.starts_with(&format!("{name} is not read; convert it")), "{error}");
    }
    assert_eq!(samples(b"").unwrap_err(), "the file is empty");
    assert_eq!(samples(b"once upon a time").unwrap_err(), "not a WAV file");
    assert_eq!(samples(b"RIFF\0\0\0\0AVI LIST").unwrap_err(), "not a WAV file");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_read_more_than_there_are(
        start in prop::sample::select(vec![&b"RIFF\0\0\0\0WAVE"[..], b"RF64\xff\xff\xff\xffWAVEds64\x10\0\0\0", b""]),
        pieces in prop::collection::vec(prop_oneof![
            Just(b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0".to_vec()),
            Just(b"data".to_vec()),
            Just(b"\xff\xff\xff\xff".to_vec()),
            prop::collection::vec(any::<u8>(), 0..20),
        ], 0..8),
        seconds in prop::option::of(0.0_f64..1e12),
    ) {
        let file = [start, &pieces.concat()].concat();
        if let Ok(recording) = read_bytes(&file, seconds, Channel::Mix) {
            prop_assert!(!recording.samples.is_empty() && recording.samples.len() <= file.len());
        }
    }
}
