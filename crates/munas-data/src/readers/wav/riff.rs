//! The chunks of a WAV file: what its samples are like and where they lie.
//!
//! Recorders that write to a pipe do not know how much will come: their headers declare nothing, or all that a number of 32 bits can
//! say. Others forget the byte that pads a chunk of odd size. Both are common, and both are read.

use std::io::{Read, Seek, SeekFrom};

use super::encoding::{CONVERT, Encoding};

/// Most chunks that are looked at: more than any recorder writes.
const MOST_CHUNKS: usize = 4_096;
/// The largest sizes are what recorders declare that do not know: 2³² - 1, or 2³¹ less a header.
const UNKNOWN_FROM: u32 = 0x7fff_0000;
/// Chunks that are known to follow others.
const KNOWN: &[&[u8; 4]] =
    &[b"data", b"fmt ", b"LIST", b"fact", b"bext", b"cue ", b"JUNK", b"ds64", b"PEAK", b"id3 "];

/// What a file declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) format: Format,
    /// Offset of the first sample.
    pub(super) start: u64,
    /// Bytes of samples that are there.
    pub(super) bytes: u64,
    /// Bytes of samples that the header declares; `None` if it does not know.
    pub(super) declared: Option<u64>,
}

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) encoding: Encoding,
    /// At least one.
    pub(super) channels: u16,
    /// Samples per second and channel, at least one.
    pub(super) rate: u32,
}

impl Format {
    /// Bytes of one sample of every channel.
    pub(super) fn frame_bytes(&self) -> usize {
        usize::from(self.channels) * self.encoding.bytes()
    }
}

/// Walks the chunks of a file of `length` bytes.
///
/// # Errors
/// In words.
pub(super) fn layout(file: &mut (impl Read + Seek), length: u64) -> Result<Layout, String> {
    let mut head = [0; 12];
    let there = read_at(file, 0, &mut head)?;
    check_kind(&head[..there])?;
    let (mut format, mut data, mut long_size) = (None, None, None);
    let mut at = head.len() as u64;
    for _ in 0..MOST_CHUNKS {
        let mut header = [0; 8];
        if read_at(file, at, &mut header)? < header.len() {
            break;
        }
        let (id, size) = ([header[0], header[1], header[2], header[3]], number(&header[4..]));
        let content = at + header.len() as u64;
        let rest = length.saturating_sub(content);
        match &id {
            b"fmt " => {
                let mut fields = [0; 40];
                let wanted = fields.len().min(size as usize);
                let there = read_at(file, content, &mut fields[..wanted])?;
                format = Some(format_of(&fields[..there])?);
            }
            b"ds64" => {
                let mut fields = [0; 16];
                if read_at(file, content, &mut fields)? == fields.len() {
                    long_size =
                        Some(u64::from(number(&fields[8..])) | u64::from(number(&fields[12..])) << 32);
                }
            }
            b"data" => {
                let declared = match (size, long_size) {
                    (u32::MAX, Some(long)) if long <= i64::MAX as u64 && long > 0 => Some(long),
                    (0, _) if rest > 0 && !is_chunk(file, content, rest)? => None,
                    (UNKNOWN_FROM.., _) => None,
                    (size, _) => Some(u64::from(size)),
                };
                data = Some((content, declared.map_or(rest, |declared| declared.min(rest)), declared));
            }
            _ => {}
        }
        if let (Some(format), Some((start, bytes, declared))) = (format, data) {
            return Ok(Layout { format, start, bytes, declared });
        }
        at = content + u64::from(size) + padding(file, content, size)?;
    }
    Err(if format.is_none() { "a WAV file without a format" } else { "there are no samples in it" }
        .to_owned())
}

/// Fills what it can of a buffer from an offset.
fn read_at(file: &mut (impl Read + Seek), at: u64, buffer: &mut [u8]) -> Result<usize, String> {
    file.seek(SeekFrom::Start(at)).map_err(|error| error.to_string())?;
    let mut there = 0;
    while there < buffer.len() {
        match file.read(&mut buffer[there..]) {
            Ok(0) => break,
            Ok(more) => there += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(there)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// Whether a chunk that fits into the `rest` of the file begins at `at`.
fn is_chunk(file: &mut (impl Read + Seek), at: u64, rest: u64) -> Result<bool, String> {
    let mut header = [0; 8];
    let there = read_at(file, at, &mut header)?;
    Ok(there == header.len() && is_name(&header[..4]) && u64::from(number(&header[4..])) + 8 <= rest)
}

fn is_name(id: &[u8]) -> bool {
    id.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ')
}

/// Bytes between a chunk and the next: one after an odd size, unless the next chunk begins at once.
fn padding(file: &mut (impl Read + Seek), content: u64, size: u32) -> Result<u64, String> {
    if size.is_multiple_of(2) {
        return Ok(0);
    }
    let mut next = [0; 5];
    let there = read_at(file, content + u64::from(size), &mut next)?;
    let at_once = there >= 4 && KNOWN.iter().any(|known| known[..] == next[..4]);
    let padded = there == next.len() && is_name(&next[1..]);
    Ok(u64::from(!at_once && (padded || there < 4 || !is_name(&next[..4]))))
}

/// Fails unless the first bytes are those of a WAV file; says what else they are.
fn check_kind(head: &[u8]) -> Result<(), String> {
    if head.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if matches!(head.first_chunk(), Some(b"RIFF" | b"RF64" | b"BW64")) && head.get(8..12) == Some(b"WAVE") {
        return Ok(());
    }
    Err(match other_kind(head) {
        Some(other) => format!("{other} is not read; {CONVERT}"),
        None => "not a WAV file".to_owned(),
    })
}

/// Formats of sound that are not read, by the beginning of a file.
fn other_kind(head: &[u8]) -> Option<&'static str> {
    const KINDS: &[(usize, &[u8], &str)] = &[
        (0, b"ID3", "MP3"),
        (0, b"fLaC", "FLAC"),
        (0, b"OggS", "Ogg"),
        (0, b"FORM", "AIFF"),
        (0, b"caff", "CAF"),
        (0, b".snd", "AU"),
        (0, b"#!AMR", "AMR"),
        (0, b"\x30\x26\xb2\x75", "WMA"),
        (0, b"\x1a\x45\xdf\xa3", "WebM"),
        (0, b"RIFX", "WAV with the bytes the other way round (RIFX)"),
        (0, b"riff\x2e\x91\xcf\x11", "Wave64"),
        (4, b"ftyp", "MP4 (AAC)"),
    ];
    let known = KINDS.iter().find(|(at, magic, _)| head.get(*at..at + magic.len()) == Some(magic));
    // An MP3 file without a tag begins with a frame: eleven set bits, and a layer.
    let frame = matches!(head, [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0);
    known.map(|(_, _, name)| *name).or_else(|| frame.then_some("MP3"))
}

/// Whether a file with this beginning is sound, read or not.
pub(super) fn is_sound(head: &[u8]) -> bool {
    check_kind(head).is_ok() || other_kind(head).is_some()
}

fn format_of(fields: &[u8]) -> Result<Format, String> {
    let short =
        |at: usize| fields.get(at..at + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    if fields.len() < 16 {
        return Err("truncated inside its header".to_owned());
    }
    let (tag, channels, rate, frame, bits) = (short(0), short(2), number(&fields[4..]), short(12), short(14));
    if rate == 0 || channels == 0 {
        return Err(format!("{channels} channels of {bits} bits at {rate} Hz are no recording"));
    }
    // In the extensible form the format follows behind.
    let tag = if tag == 0xfffe { short(24) } else { tag };
    let encoding = Encoding::of(tag, bits, frame / channels)?;
    Ok(Format { encoding, channels, rate })
}
