//! Why a file is not read, or not priced.

/// Why a `.tflite` file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TfliteError {
    /// The file is something else.
    #[error("not a TensorFlow Lite model: bytes 4 to 7 are not \"TFL3\"")]
    NotTflite,
    /// A part of the file would lie outside of it.
    #[error("the file is damaged or cut short: what should be at byte {offset} reaches beyond its end")]
    Truncated {
        /// Where the part should start.
        offset: usize,
    },
    /// Parts of the file are referred to so often that reading it would take far more memory than it has bytes.
    #[error("the file is damaged: it refers to the same parts over and over")]
    SharedTooOften,
    /// A number that refers to a tensor, a buffer or an operator code leads nowhere.
    #[error("the file is damaged: {what} {index}, of {count}")]
    Index {
        /// What is referred to.
        what: &'static str,
        /// The number in the file.
        index: i64,
        /// How many there are.
        count: usize,
    },
    /// The file holds more than can be read in reasonable time.
    #[error("{found} {what}; at most {limit} are read")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much the file has.
        found: usize,
        /// The most that is read.
        limit: usize,
    },
    /// A tensor cannot be priced.
    #[error("tensor {index} ({name}): {reason}")]
    Tensor {
        /// Its index in the file.
        index: usize,
        /// The tensor's name in the file, which may be empty.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// An operator cannot be priced.
    #[error("operator {index} ({name}): {reason}")]
    Operator {
        /// Its position in the file.
        index: usize,
        /// Its name in the schema, or that of the custom operator.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The model has no subgraph, or no operator.
    #[error("the model is empty: it has no {0}")]
    Empty(&'static str),
}
