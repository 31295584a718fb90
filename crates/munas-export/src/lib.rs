//! From a quantised network to files for a device: TFLite, C source, and checks on emulated boards.

pub mod arena;
pub mod c;
pub mod helper;
pub mod input;
pub mod tflite;
pub mod verify;
