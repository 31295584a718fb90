//! Visual Wake Words (Chowdhery et al. 2019) from the annotations of COCO: is there a person in the image?
//!
//! An image shows a person if one of its annotated persons covers at least 0.5 % of it, by the area that COCO gives. Training and
//! test samples are COCO's train and val images: `annotations/instances_train2014.json` (or 2017) with the images in `train2014/`,
//! and the same for `val`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::images::{ImageOptions, read_listing};
use super::tree::{Labelled, Listing};
use crate::error::DataError;
use crate::raw_data::RawData;

/// Years of COCO's releases with these files.
const YEARS: [&str; 2] = ["2014", "2017"];
/// Smallest share of an image that a person covers.
const SMALLEST_SHARE: f64 = 0.005;
/// Name of the category.
const PERSON: &str = "person";

/// The parts that matter of a file of annotations.
#[derive(Debug, Deserialize)]
struct Annotations {
    images: Vec<Image>,
    annotations: Vec<Object>,
    categories: Vec<Category>,
}

#[derive(Debug, Deserialize)]
struct Image {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
}

#[derive(Debug, Deserialize)]
struct Object {
    image_id: u64,
    category_id: u64,
    /// Area of the object in pixels.
    area: f64,
}

#[derive(Debug, Deserialize)]
struct Category {
    id: u64,
    name: String,
}

/// Whether a folder holds COCO's annotations.
pub(crate) fn is_at(root: &Path) -> bool {
    year_of(root).is_some()
}

fn year_of(root: &Path) -> Option<&'static str> {
    YEARS.into_iter().find(|year| annotations_file(root, "train", year).is_file())
}

fn annotations_file(root: &Path, part: &str, year: &str) -> PathBuf {
    root.join("annotations").join(format!("instances_{part}{year}.json"))
}

/// Reads the images. Classes: no person, person.
pub(crate) fn read(root: &Path, name: &str, options: &ImageOptions) -> Result<RawData, DataError> {
    let Some(year) = year_of(root) else {
        let file = annotations_file(root, "train", YEARS[0]);
        return Err(DataError::malformed(&file, "no such file"));
    };
    let part = |part: &str| list(&annotations_file(root, part, year), &root.join(format!("{part}{year}")));
    let listing = Listing { train: part("train")?, validation: None, test: Some(part("val")?) };
    let raw = read_listing(root, &listing, options)?;
    let class_names = ["no person", PERSON].map(str::to_owned).to_vec();
    Ok(RawData { name: name.to_owned(), class_names, ..raw })
}

/// The images of a part with their labels, in the order of their names.
fn list(annotations: &Path, images: &Path) -> Result<Vec<Labelled<PathBuf>>, DataError> {
    let file = File::open(annotations).map_err(|error| DataError::io(annotations, error))?;
    let content: Annotations = serde_json::from_reader(BufReader::new(file))
        .map_err(|error| DataError::malformed(annotations, error.to_string()))?;
    let Some(person) = content.categories.iter().find(|category| category.name == PERSON) else {
        return Err(DataError::malformed(annotations, format!("no category `{PERSON}`")));
    };
    let areas: HashMap<u64, f64> = content
        .images
        .iter()
        .map(|image| (image.id, f64::from(image.width) * f64::from(image.height)))
        .collect();
    let shows_person = |object: &&Object| {
        let large = areas.get(&object.image_id).is_some_and(|area| object.area / area >= SMALLEST_SHARE);
        object.category_id == person.id && large
    };
    let with_person: HashSet<u64> =
        content.annotations.iter().filter(shows_person).map(|object| object.image_id).collect();
    let mut files = Vec::with_capacity(content.images.len());
    for image in &content.images {
        // A name is no path: it must not lead out of the folder.
        if Path::new(&image.file_name).file_name().is_none_or(|name| name != image.file_name.as_str()) {
            return Err(DataError::malformed(annotations, format!("`{}` is no file name", image.file_name)));
        }
        let label = u32::from(with_person.contains(&image.id));
        files.push(Labelled { item: images.join(&image.file_name), label, group: None });
    }
    files.sort_by(|a, b| a.item.cmp(&b.item));
    Ok(files)
}
