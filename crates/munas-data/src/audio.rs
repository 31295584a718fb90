//! The audio front-end: from a recording to the features that a network sees.
//!
//! ```text
//! recording ─► clip [/ max |x|] ─► frames × Hann ─► |FFT| ─► mel ─► ln(· + offset) ─► [DCT-II] ─► i8
//!              clip samples        frames × window   bins     mel_bins               coefficients
//! ```
//!
//! The definition is that of `tf.signal` (`stft`, `linear_to_mel_weight_matrix`, `mfccs_from_log_mel_spectrograms`), which the
//! reference of MLPerf Tiny's keyword spotting uses: periodic Hann window, no padding at the ends, magnitudes rather than
//! powers, HTK mel scale with triangles that are linear in mel, natural logarithm, orthonormal-like DCT-II (factor √(2/mel_bins)
//! for every coefficient, the first included). Everything is computed in `f64` and without vector instructions, so that the
//! features, and with them the dataset's fingerprint, are the same on every machine.
//!
//! | module | holds |
//! |---|---|
//! | `settings` | what the front-end is like: window, stride, mel bins, band, … |
//! | `tables` | window, mel filters, DCT: everything that is computed once |
//! | `front_end` | waves to features |
//! | `background` | noise mixed into recordings, when they are read |

mod background;
mod front_end;
mod settings;
mod tables;

pub use front_end::FrontEnd;
pub use settings::{AudioSettings, Channel, FeatureKind, UnknownChannel, UnknownFeatureKind};

pub(crate) use background::{Mixer, Noise, Part};
pub(crate) use front_end::Scratch;
