//! Folders of images: a folder per class, or folders for the parts with such in them. PNG, JPEG and BMP, told apart by their
//! content.
//!
//! | module | holds |
//! |---|---|
//! | `header` | what a file says of its picture, without decoding it |
//! | `survey` | what all pictures become, from their headers |
//! | `pixels` | a file decoded, turned, laid over a backdrop, cropped, scaled |
//! | `jpeg` | whether a JPEG file is complete |
//! | `depth` | what stands for white in pictures of 16 bits |
//! | `conform` | images that are in memory already, scaled and turned grey |

mod conform;
mod depth;
mod header;
mod jpeg;
mod pixels;
mod raw_header;
mod survey;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use self::header::Header;
use self::pixels::{Form, Picture};
use super::class_tree::{ClassTree, Kind};
use super::folder::below;
use super::numbers::reserve;
use super::parallel::{self, Gate};
use super::tree::{Gathered, Listing, Reading};
use crate::budget::Budget;
use crate::error::DataError;
use crate::group_choice::GroupChoice;
use crate::raw_data::RawData;
use crate::samples::{ElementType, Samples};
use crate::warning::Warning;

pub(crate) use self::conform::conform;

/// Bytes of pictures that are decoded at the same time, if the budget is not less; a single one may take more.
const MOST_DECODED: u64 = 1 << 30;

/// What is behind pictures that are transparent in places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backdrop {
    /// White, as in a browser: drawings in black ink on nothing stay visible.
    #[default]
    White,
    /// Black: drawings in light ink on nothing stay visible.
    Black,
}

impl fmt::Display for Backdrop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::White => "white",
            Self::Black => "black",
        })
    }
}

/// How images become samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ImageOptions {
    /// Height and width that pictures are scaled to; as they are when left out.
    pub(crate) size: Option<(usize, usize)>,
    /// Without a size: scale images that are large or of different sizes to a common one, instead of refusing them.
    pub(crate) fit: bool,
    /// Share of each side that is kept around the centre, before anything is scaled; all when left out.
    pub(crate) crop: Option<f64>,
    /// One channel instead of three; when left out, one where all images are grey.
    pub(crate) grey: Option<bool>,
    /// Turn images upright, as their EXIF data say.
    pub(crate) orientation: bool,
    /// What transparent images are laid over; when left out, their opacity is dropped, and hidden colours show.
    pub(crate) backdrop: Option<Backdrop>,
    /// Keep 16 bits where images have them, instead of 8.
    pub(crate) deep: bool,
    /// Leave out files that cannot be read.
    pub(crate) skip_bad: bool,
    pub(crate) budget: Budget,
}

/// What trees of pictures are made of.
const PICTURES: Kind = Kind { files: "pictures", is_sample: header::is_picture, is_no_class: |_| false };

/// Reads a tree of images. Classes are the folders, in the order of their names.
pub(crate) fn read_folder(
    root: &Path,
    name: &str,
    options: &ImageOptions,
    groups: &GroupChoice,
) -> Result<RawData, DataError> {
    let tree = ClassTree::list(root, &PICTURES, groups)?;
    let raw = read_listing(&tree.root, &tree.listing, options)?;
    tree.describe(raw, name, &PICTURES)
}

/// Reads the images of a list. Name and class names are left to the caller.
pub(super) fn read_listing(
    root: &Path,
    listing: &Listing<PathBuf>,
    options: &ImageOptions,
) -> Result<RawData, DataError> {
    let files: Vec<&PathBuf> = listing.items().collect();
    let headers = parallel::map(&files, || (), |(), _, path| Header::read(path, options));
    let readable: Vec<&Header> = headers.iter().flatten().collect();
    let (form, said) = survey::form(&readable, options);
    check_memory(root, readable.len(), form.shape(), form.element(), options.budget)?;
    let pictures = decode_all(root, listing, &headers, form, options)?;
    let warnings = said.into_iter().chain(pictures.found.transparent(root, options)).collect();
    pictures.into_raw(root, form, options, warnings)
}

/// Decodes the images of a list, whose headers were read before.
fn decode_all(
    root: &Path,
    listing: &Listing<PathBuf>,
    headers: &[Result<Header, String>],
    form: Form,
    options: &ImageOptions,
) -> Result<Pictures, DataError> {
    let values = form.shape().iter().product::<usize>();
    let name = |path: &PathBuf| below(root, path);
    let sample_bytes = values * form.element().bytes();
    let reading = Reading { root, name: &name, skip_bad: options.skip_bad, sample_bytes };
    let mut samples = Samples::empty(form.element());
    if !reserve(&mut samples, values * headers.iter().flatten().count()) {
        return Err(DataError::malformed(root, "no memory for its images in that size"));
    }
    let mut shallow = Vec::new();
    let found = Found::default();
    let gate = Gate::new(options.budget.at_most(MOST_DECODED));
    let decode = |(): &mut (), index: usize, path: &PathBuf| {
        let header = headers[index].clone()?;
        let _pass = gate.enter(header.cost);
        let picture = Picture::read(path, options)?;
        let found_size = picture.size(options);
        if options.size.is_none() && !options.fit && found_size != form.size {
            let ((height, width), (usual_height, usual_width)) = (found_size, form.size);
            return Err(format!(
                "{height}x{width} pixels after others of {usual_height}x{usual_width}; --size scales all to one size"
            ));
        }
        found.note(&picture, form, options);
        Ok((picture.into_sample(options, form), header.deep))
    };
    let take = |(sample, deep): (Samples, bool)| {
        samples.append(&sample);
        shallow.push(!deep);
    };
    let gathered = listing.gather(&reading, || (), decode, take)?;
    Ok(Pictures { samples, shallow, found, gathered })
}

/// Decoded images, all of one form.
struct Pictures {
    samples: Samples,
    /// Of each image: whether its file has 8 bits.
    shallow: Vec<bool>,
    found: Found,
    gathered: Gathered,
}

impl Pictures {
    /// The samples, in one channel if nothing is lost by that, and with what stands for white in them.
    fn into_raw(
        self,
        root: &Path,
        form: Form,
        options: &ImageOptions,
        mut warnings: Vec<Warning>,
    ) -> Result<RawData, DataError> {
        let Self { mut samples, shallow, found, gathered } = self;
        let mut input = form.shape();
        if options.grey.is_none() && form.colour && !found.colourful.into_inner() {
            samples.keep_every(form.channels());
            input[2] = 1;
            let root = root.display();
            let what = format!("{root}: all pictures are stored in colour and grey: one channel is kept");
            warnings.push(Warning::new(what).hint("`--colour` keeps all three"));
        }
        let mut full_scale = form.element().full_scale();
        if let Samples::U16(values) = &samples {
            let depth = depth::Depth { root, values, shallow: &shallow, train: gathered.parts.train };
            let (scale, said) = depth.full_scale()?;
            full_scale = scale;
            warnings.push(said);
        }
        Ok(RawData {
            input,
            samples,
            labels: gathered.labels,
            parts: gathered.parts,
            full_scale,
            refused: gathered.refused,
            groups: gathered.groups,
            warnings,
            ..RawData::default()
        })
    }
}

/// What is found out about pictures while they are decoded, on all threads.
#[derive(Debug, Default)]
struct Found {
    colourful: AtomicBool,
    transparent: AtomicUsize,
}

impl Found {
    fn note(&self, picture: &Picture, form: Form, options: &ImageOptions) {
        if picture.transparent {
            self.transparent.fetch_add(1, Ordering::Relaxed);
        }
        // All pixels are looked at only as long as it matters.
        let open = options.grey.is_none() && form.colour && !self.colourful.load(Ordering::Relaxed);
        if open && picture.is_colourful() {
            self.colourful.store(true, Ordering::Relaxed);
        }
    }

    fn transparent(&self, root: &Path, options: &ImageOptions) -> Option<Warning> {
        let count = self.transparent.load(Ordering::Relaxed);
        let backdrop = options.backdrop.filter(|_| count > 0)?;
        let other = if backdrop == Backdrop::White { Backdrop::Black } else { Backdrop::White };
        let what = format!(
            "{}: {count} pictures are transparent in places and laid over {backdrop}",
            root.display()
        );
        Some(Warning::new(what).hint(format!("`--set data.backdrop={other}` lays them over {other}")))
    }
}

/// Fails if so many samples of this shape are more than may be in memory.
fn check_memory(
    root: &Path,
    count: usize,
    input: [usize; 3],
    element: ElementType,
    budget: Budget,
) -> Result<(), DataError> {
    let [height, width, channels] = input;
    let values = input.iter().fold(count as u64, |values, &extent| values.saturating_mul(extent as u64));
    let what = format_args!("{count} samples of {height}x{width}x{channels}");
    budget.check(root, what, values.saturating_mul(element.bytes() as u64))
}

/// What is removed of a side, at each end, and what is kept of it.
fn cropped(side: u32, share: Option<f64>) -> (u32, u32) {
    let removed = share.map_or(0, |share| (f64::from(side) * (1.0 - share) / 2.0) as u32);
    (removed, (side - 2 * removed).max(1))
}
