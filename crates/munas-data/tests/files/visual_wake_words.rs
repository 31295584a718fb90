//! Visual Wake Words from COCO's annotations and from folders.

use std::fs;
use std::path::Path;

use image::ImageFormat;
use munas_data::{LoadOptions, load};

use crate::fabricate::photographs;

fn options(data_dir: &Path) -> LoadOptions {
    LoadOptions { data_dir: Some(data_dir.to_path_buf()), ..LoadOptions::default() }
}

#[test]
fn persons_count_from_half_a_percent_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    photographs::write_coco(&folder.path().join("coco"));
    let dataset = load("vww", &LoadOptions { validation: 0.0, ..options(folder.path()) }).unwrap();
    assert_eq!((dataset.input, dataset.class_names.len()), ([96, 96, 3], 2));
    assert_eq!(dataset.train.labels(), [1, 0, 1, 0, 1, 0, 1, 0]);
    assert_eq!(dataset.test.labels(), [1, 0, 1, 0]);
    let sized = LoadOptions { size: Some((24, 22)), crop: Some(0.875), ..options(folder.path()) };
    assert_eq!(load("vww", &sized).unwrap().input, [24, 22, 3]);
}

#[test]
fn damaged_annotations_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("vww");
    photographs::write_coco(&root);
    let file = root.join("annotations/instances_val2014.json");
    let text = fs::read_to_string(&file).unwrap();
    let check = |text: &str, expected: &str| {
        fs::write(&file, text).unwrap();
        let error = load("vww", &options(folder.path())).unwrap_err().to_string();
        assert!(error.contains("instances_val2014.json") && error.contains(expected), "{error}");
    };
    check(&text[..text.len() / 2], "EOF");
    check(&text.replace("\"person\"}", "\"cat\"}"), "no category `person`");
    check(&text.replace("COCO_val2014_000000000000.jpg", "../../secret.jpg"), "is no file name");
    fs::write(&file, text).unwrap();
    fs::remove_file(root.join("val2014/COCO_val2014_000000000001.jpg")).unwrap();
    let error = load("vww", &options(folder.path())).unwrap_err().to_string();
    assert!(error.contains("1 of 12 refused: val2014/COCO_val2014_000000000001.jpg"), "{error}");
}

#[test]
fn folders_are_read_too_and_images_are_cropped_around_the_centre() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("vww");
    // White, with a black frame that an eighth takes away: a sixteenth on every side.
    let mut picture = image::RgbImage::from_pixel(64, 32, image::Rgb([255; 3]));
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if !(4..60).contains(&x) || !(2..30).contains(&y) {
            *pixel = image::Rgb([0; 3]);
        }
    }
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).unwrap();
    for name in ["non_person/1", "non_person/2", "person/1", "person/2", "person/3"] {
        let path = root.join(format!("{name}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file.get_ref()).unwrap();
    }
    let cropped = LoadOptions { size: Some((8, 8)), crop: Some(0.875), ..options(folder.path()) };
    let dataset = load("vww", &cropped).unwrap();
    assert_eq!(dataset.class_names, ["no person", "person"]);
    let sample = dataset.train.sample(0);
    assert!((0..sample.len()).all(|index| sample.get(index) == 255.0));
    let whole = load("vww", &LoadOptions { crop: None, ..cropped.clone() }).unwrap();
    assert!(whole.train.sample(0).get(0) < 255.0);
    let error = load("vww", &LoadOptions { crop: Some(0.0), ..cropped }).unwrap_err().to_string();
    assert!(error.contains("a crop must keep a share"), "{error}");
}
