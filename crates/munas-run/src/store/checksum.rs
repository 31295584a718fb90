//! A checksum of a file within the file: BLAKE3 of all its bytes with a placeholder where the checksum stands.
//!
//! Every bit of the file counts, whatever its format does with it.

/// What stands in the place of the checksum while it is computed, of its length.
pub(crate) const PLACEHOLDER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Puts the checksum in the place of the placeholder, which `bytes` have once.
///
/// # Panics
/// If there is no placeholder.
pub(crate) fn seal(bytes: &mut [u8]) {
    let at = find(bytes, PLACEHOLDER.as_bytes()).expect("a file to be sealed has the placeholder");
    let checksum = checksum(bytes, at);
    bytes[at..at + checksum.len()].copy_from_slice(checksum.as_bytes());
}

/// Whether `claimed`, which was read from `bytes`, is their checksum.
pub(crate) fn holds(bytes: &[u8], claimed: &str) -> bool {
    claimed.len() == PLACEHOLDER.len()
        && find(bytes, claimed.as_bytes()).is_some_and(|at| checksum(bytes, at) == claimed)
}

/// The checksum in hexadecimal digits of bytes that have it, or the placeholder, at a position.
fn checksum(bytes: &[u8], at: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..at]).update(PLACEHOLDER.as_bytes()).update(&bytes[at + PLACEHOLDER.len()..]);
    hasher.finalize().to_hex().to_string()
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        let mut bytes = format!("before {PLACEHOLDER} after").into_bytes();
        seal(&mut bytes);
        let claimed = String::from_utf8(bytes[7..][..PLACEHOLDER.len()].to_vec()).unwrap();
        assert!(holds(&bytes, &claimed));
        assert!(!holds(&bytes, PLACEHOLDER));
        assert!(!holds(&bytes, ""));
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = String::from_utf8_lossy(&flipped[7..][..PLACEHOLDER.len()]).into_owned();
            assert!(!holds(&flipped, &read), "bit {bit}");
        }
    }
}
