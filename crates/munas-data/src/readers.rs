//! Readers of file formats. Each delivers a [`RawData`](crate::RawData) or names the file and what is wrong with it.
//!
//! Files are not trusted: a size that a header declares is held against the size of the file before memory is
//! reserved, and no content makes a reader panic.

pub(crate) mod arrays;
pub(crate) mod audio;
pub(crate) mod cifar;
pub(crate) mod coco;
pub(crate) mod idx;
pub(crate) mod images;
pub(crate) mod npz;
pub(crate) mod speech_commands;
pub(crate) mod table;

mod class_tree;
mod file;
mod file_groups;
mod folder;
mod group_names;
mod labels;
mod npy;
mod numbers;
mod parallel;
mod refusals;
mod tree;
mod unused;
mod wav;
