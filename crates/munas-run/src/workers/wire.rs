//! A message as bytes: a line of JSON, and the binary frames that it lists.

use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Sender};
use std::thread;

use serde_json::{Map, Value};

/// Bytes of the longest line.
const LONGEST_LINE: usize = 16 << 20;
/// Bytes of the largest frame.
const LARGEST_FRAME: u64 = 1 << 30;
/// The key of a line with the list of its frames.
const FRAMES: &str = "frames";
/// The key of a line that one nameless frame follows.
pub(crate) const BYTES: &str = "bytes";

/// A line of JSON and the frames that follow it.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Packet {
    /// The line, without the list of frames.
    pub line: Map<String, Value>,
    /// Frames by name, in their order.
    pub frames: Vec<(String, Vec<u8>)>,
}

/// Bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message: {0}")]
pub(crate) struct WireError(pub String);

impl Packet {
    /// The bytes of a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut line = self.line.clone();
        match &self.frames[..] {
            [] => {}
            [(name, frame)] if name == BYTES => drop(line.insert(BYTES.to_owned(), frame.len().into())),
            frames => {
                let list = frames.iter().map(|(name, frame)| {
                    Value::Object(Map::from_iter([
                        ("name".to_owned(), name.as_str().into()),
                        (BYTES.to_owned(), frame.len().into()),
                    ]))
                });
                line.insert(FRAMES.to_owned(), list.collect());
            }
        }
        let mut bytes = Value::Object(line).to_string().into_bytes();
        bytes.push(b'\n');
        self.frames.iter().for_each(|(_, frame)| bytes.extend_from_slice(frame));
        bytes
    }

    /// Takes a frame out.
    pub fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        let place = self.frames.iter().position(|(of, _)| of == name)?;
        Some(self.frames.remove(place).1)
    }
}

/// Makes messages of bytes that come in pieces.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    buffer: Vec<u8>,
    /// So much of the buffer has been looked at for the end of a line.
    searched: usize,
    /// A line whose frames are still to come.
    open: Option<(Packet, Vec<(String, usize)>)>,
}

impl Decoder {
    /// Adds what has come in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, once all of it is there.
    ///
    /// # Errors
    /// [`WireError`] if what has come in is no message; nothing after it can be understood.
    pub fn next(&mut self) -> Result<Option<Packet>, WireError> {
        if self.open.is_none() {
            let Some(line) = self.line()? else { return Ok(None) };
            self.open = Some(head(&line)?);
        }
        let missing = self.open.as_ref().map_or(0, |(_, sizes)| sizes.iter().map(|(_, size)| size).sum());
        if self.buffer.len() < missing {
            return Ok(None);
        }
        let Some((mut packet, sizes)) = self.open.take() else { return Ok(None) };
        let rest = self.buffer.split_off(missing);
        let mut bytes = &std::mem::replace(&mut self.buffer, rest)[..];
        for (name, size) in sizes {
            let (frame, left) = bytes.split_at(size);
            packet.frames.push((name, frame.to_vec()));
            bytes = left;
        }
        Ok(Some(packet))
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<Option<Vec<u8>>, WireError> {
        let Some(end) = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.buffer.len();
            return match self.searched > LONGEST_LINE {
                true => Err(WireError(format!("a line of more than {LONGEST_LINE} bytes"))),
                false => Ok(None),
            };
        };
        let line: Vec<u8> = self.buffer.drain(..=self.searched + end).collect();
        self.searched = 0;
        Ok(Some(line))
    }
}

/// Calls `each` with every message that comes in, until nothing more does or it breaks off.
///
/// # Errors
/// [`WireError`] if what has come in is no message.
pub(crate) fn read(
    mut input: impl Read,
    mut each: impl FnMut(Packet) -> ControlFlow<()>,
) -> Result<(), WireError> {
    let (mut decoder, mut piece) = (Decoder::default(), vec![0; 1 << 16]);
    loop {
        let count = match input.read(&mut piece) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(count) => count,
        };
        decoder.push(&piece[..count]);
        while let Some(packet) = decoder.next()? {
            if each(packet).is_break() {
                return Ok(());
            }
        }
    }
}

/// Writes what is sent, on a thread of its own: whoever does not listen holds nobody up. The end of the sender closes the output.
pub(crate) fn writer(mut output: impl Write + Send + 'static) -> Sender<Vec<u8>> {
    let (sender, to_say) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        for bytes in to_say {
            if output.write_all(&bytes).and_then(|()| output.flush()).is_err() {
                return;
            }
        }
    });
    sender
}

/// A line, and the names and sizes of the frames that follow it.
fn head(line: &[u8]) -> Result<(Packet, Vec<(String, usize)>), WireError> {
    let mut line: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| WireError(error.to_string()))?;
    let size = |value: Option<&Value>| {
        let size = value.and_then(Value::as_u64).filter(|size| *size <= LARGEST_FRAME);
        size.map(|size| size as usize).ok_or_else(|| WireError("a frame without a possible size".to_owned()))
    };
    let mut sizes = Vec::new();
    if line.contains_key(BYTES) {
        sizes.push((BYTES.to_owned(), size(line.remove(BYTES).as_ref())?));
    }
    for frame in line.remove(FRAMES).as_ref().and_then(Value::as_array).into_iter().flatten() {
        let name = frame.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| WireError("a frame without a name".to_owned()))?;
        sizes.push((name.to_owned(), size(frame.get(BYTES))?));
    }
    Ok((Packet { line, frames: Vec::new() }, sizes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(text: &str, frames: &[(&str, &[u8])]) -> Packet {
        Packet {
            line: serde_json::from_str(text).unwrap(),
            frames: frames.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect(),
        }
    }

    fn packets() -> Vec<Packet> {
        vec![
            packet(r#"{"type":"heartbeat"}"#, &[]),
            packet(r#"{"type":"checkpoint","trial":7}"#, &[("checkpoint", b"{\n}\n"), ("model", b"")]),
            packet(r#"{"type":"from","worker":"w1"}"#, &[(BYTES, b"\n\n{")]),
            packet(r#"{"text":"a\nb"}"#, &[]),
        ]
    }

    proptest! {
        #[test]
        fn messages_arrive_however_they_are_cut(cuts in prop::collection::vec(1_usize..40, 1..60)) {
            let bytes: Vec<u8> = packets().iter().flat_map(Packet::to_bytes).collect();
            let (mut decoder, mut arrived, mut rest) = (Decoder::default(), Vec::new(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, left) = rest.split_at((*cut).min(rest.len()));
                rest = left;
                decoder.push(piece);
                while let Some(packet) = decoder.next().unwrap() {
                    arrived.push(packet);
                }
            }
            prop_assert_eq!(arrived, packets());
        }

        #[test]
        fn rubbish_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }

        #[test]
        fn a_flipped_byte_is_another_message_or_none(at in 0_usize..200, flip in 1_u8..) {
            let mut bytes: Vec<u8> = packets().iter().flat_map(Packet::to_bytes).collect();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            for _ in 0..bytes.len() {
                if !matches!(decoder.next(), Ok(Some(_))) { break }
            }
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for line in ["7", "{]", r#"{"bytes":-1}"#, r#"{"bytes":9e18}"#, r#"{"frames":[{"bytes":3}]}"#] {
            let mut decoder = Decoder::default();
            decoder.push(format!("{line}\n").as_bytes());
            assert!(decoder.next().is_err(), "{line}");
        }
        let mut decoder = Decoder::default();
        decoder.push(&vec![b' '; LONGEST_LINE + 1]);
        assert!(decoder.next().is_err(), "a line without an end");
    }
}
