//! Search spaces: sampling, morphisms, bounds and lowering to a network graph.
//!
//! | item | does |
//! |---|---|
//! | [`Space`] | a kind of architecture with bounds: samples, mutates, checks |
//! | [`Architecture`] | a point of a space: JSON form, lowering to a graph, canonical form |
//! | [`Space::sample_structure`], [`Space::scaled`], [`Space::smallest`], [`Space::shrunk`] | what it takes to draw an architecture of a given size |
//! | [`CnnBounds`], [`MlpBounds`] | bounds as data, part of the experiment file |
//!
//! The space of `munas-2020` is that of muNAS (Liberis, Dudziak, Lane, arXiv 2010.14246). The same types
//! express wider spaces: `same` padding, residual blocks, global average pooling, networks on time series.
//!
//! ```
//! use munas_ir::Shape;
//! use munas_space::Space;
//! use rand::SeedableRng;
//! use rand_chacha::ChaCha8Rng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let space = Space::named("cnn2d", "wide")?;
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let parent = space.sample(&mut rng);
//! let child = space.mutate(&parent, &mut rng).ok_or("no morphism applies")?;
//! assert_ne!(parent, child);
//! space.check(&child)?;
//! let graph = child.lower(Shape::new(28, 28, 1), 10);
//! assert_eq!(graph.shape(graph.output()), Shape::flat(10));
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately absent: I/O, random generators (the caller passes one), costs, weights.

mod architecture;
mod bounds;
mod canonical;
mod check;
mod error;
mod json;
mod kind;
mod lower;
mod morphism;
mod names;
mod sample;
mod shrink;
mod space;

pub use architecture::{Architecture, Block, Cnn, Layer, LayerOp, Mlp, Pool};
pub use bounds::{CnnBounds, MAX_SIZE, MlpBounds, Range, WidthScale};
pub use error::{ArchitectureError, FieldError, SpaceError};
pub use kind::{Kind, LayerKind};
pub use space::Space;
