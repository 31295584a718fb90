//! Everything that is read from files: what is read, and what is said about files that cannot be.

#![expect(clippy::unwrap_used, reason = "a test that cannot write its files fails")]

mod arrays;
mod audio;
mod damaged;
mod fabricate;
mod fuzz;
mod groups;
mod own_data;
mod pictures;
mod tables;
mod trees;
mod visual_wake_words;
