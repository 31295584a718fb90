//! The user's own images as cameras, sensors and drawing programs leave them.

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use munas_data::{Backdrop, DataError, Dataset, ElementType, LoadOptions, NormaliseMode, SampleRef, load};
use tempfile::TempDir;

use crate::fabricate::{photographs, pictures};

/// A tree with two classes, each of four times the same file.
fn tree(files: [&[u8]; 2]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (class, file) in ["a", "b"].into_iter().zip(files) {
        for take in 0..4 {
            write(root.path(), &format!("{class}/{take}"), file);
        }
    }
    root
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn read(root: &TempDir, options: &LoadOptions) -> Result<Dataset, DataError> {
    load(&format!("images:{}", root.path().display()), options)
}

/// The first training sample of the first class.
fn first(dataset: &Dataset) -> SampleRef<'_> {
    let index = dataset.train.labels().iter().position(|&label| label == 0).unwrap();
    dataset.train.sample(index)
}

fn said(dataset: &Dataset) -> String {
    dataset.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Three by two pixels that differ.
fn six() -> DynamicImage {
    DynamicImage::from(image::GrayImage::from_raw(3, 2, vec![10, 20, 30, 40, 50, 60]).unwrap())
}

#[test]
fn pictures_are_turned_upright() {
    // By the standard: where the first row and the first column of what is stored belong.
    let upright: [(u16, [usize; 2], [u8; 6]); 8] = [
        (1, [2, 3], [10, 20, 30, 40, 50, 60]),
        (2, [2, 3], [30, 20, 10, 60, 50, 40]),
        (3, [2, 3], [60, 50, 40, 30, 20, 10]),
        (4, [2, 3], [40, 50, 60, 10, 20, 30]),
        (5, [3, 2], [10, 40, 20, 50, 30, 60]),
        (6, [3, 2], [40, 10, 50, 20, 60, 30]),
        (7, [3, 2], [60, 30, 50, 20, 40, 10]),
        (8, [3, 2], [30, 60, 20, 50, 10, 40]),
    ];
    for (orientation, [height, width], pixels) in upright {
        let file = pictures::oriented(ImageFormat::Png, &six(), orientation);
        let root = tree([&file, &file]);
        let dataset = read(&root, &LoadOptions::default()).unwrap();
        assert_eq!(
            (dataset.input, first(&dataset)),
            ([height, width, 1], SampleRef::U8(&pixels)),
            "{orientation}"
        );
        let stored = read(&root, &LoadOptions { orientation: false, ..LoadOptions::default() }).unwrap();
        assert_eq!((stored.input, first(&stored)), ([2, 3, 1], SampleRef::U8(&[10, 20, 30, 40, 50, 60])));
    }
}

#[test]
fn sizes_are_compared_and_cropped_after_turning() {
    // A dark stripe at the top, as it is stored lying and as it is stored standing.
    let standing = image::GrayImage::from_fn(32, 48, |_, y| image::Luma([if y < 16 { 0 } else { 200 }]));
    let lying = image::imageops::rotate270(&standing);
    let root = tree([
        &pictures::oriented(ImageFormat::Jpeg, &lying.into(), 6),
        &pictures::file(ImageFormat::Jpeg, &standing.into()),
    ]);
    let dataset = read(&root, &LoadOptions { fit: false, ..LoadOptions::default() }).unwrap();
    assert_eq!(dataset.input, [48, 32, 1]);
    for index in 0..dataset.train.len() {
        let sample = dataset.train.sample(index);
        assert!(sample.get(32 * 8 + 16) < 10.0 && sample.get(32 * 40 + 16) > 190.0);
    }
    let cropped = read(&root, &LoadOptions { crop: Some(0.5), ..LoadOptions::default() }).unwrap();
    assert_eq!(cropped.input, [24, 16, 1]);
}

#[test]
fn hidden_colours_are_laid_over_a_backdrop_and_that_is_said() {
    let (red, black) = ([200, 0, 0], [0, 0, 0]);
    let hidden = pictures::two_colours([red, [9, 99, 9]], &[vec![0, 1], vec![1, 0]]);
    let ink = pictures::two_colours([black, black], &[vec![0, 1], vec![1, 1]]);
    let root = tree([&hidden, &ink]);
    let over = |backdrop| read(&root, &LoadOptions { backdrop, ..LoadOptions::default() }).unwrap();
    let white = over(Some(Backdrop::White));
    assert_eq!(first(&white), SampleRef::U8(&[200, 0, 0, 255, 255, 255, 255, 255, 255, 200, 0, 0]));
    assert!(
        said(&white).contains("8 pictures are transparent in places and laid over white"),
        "{}",
        said(&white)
    );
    assert!(white.warnings[0].hint.as_ref().unwrap().contains("data.backdrop=black"));
    assert_eq!(first(&over(Some(Backdrop::Black))), SampleRef::U8(&[200, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0]));
    let dropped = over(None);
    assert_eq!(first(&dropped), SampleRef::U8(&[200, 0, 0, 9, 99, 9, 9, 99, 9, 200, 0, 0]));
    assert_eq!(dropped.warnings, []);
    assert_eq!(read(&root, &LoadOptions::default()).unwrap().fingerprint, white.fingerprint);
}

#[test]
fn opaque_pictures_with_opacity_are_plain_pictures() {
    let pixels = image::RgbImage::from_fn(4, 4, |x, y| image::Rgb([x as u8 * 9, y as u8 * 9, 7]));
    let plain = DynamicImage::from(pixels);
    let root = |image: &DynamicImage| {
        let file = pictures::file(ImageFormat::Png, image);
        let dataset = read(&tree([&file, &file]), &LoadOptions::default()).unwrap();
        assert_eq!(dataset.warnings, []);
        dataset.fingerprint
    };
    assert_eq!(root(&plain), root(&DynamicImage::from(plain.to_rgba8())));
}

/// A grey picture of 16 bits, of one value.
fn deep(value: u16) -> Vec<u8> {
    pictures::file(ImageFormat::Png, &image::ImageBuffer::from_pixel(2, 2, image::Luma([value])).into())
}

#[test]
fn sixteen_bits_are_kept_and_spread_over_the_range_of_the_sensor() {
    let root = tree([&deep(100), &deep(3_900)]);
    let dataset = read(&root, &LoadOptions::default()).unwrap();
    assert_eq!((dataset.element_type(), dataset.full_scale), (ElementType::U16, 4_095.0));
    assert_eq!(first(&dataset), SampleRef::U16(&[100; 4]));
    assert!((dataset.normalisation(NormaliseMode::Unit).scale[0] - 1.0 / 4_095.0).abs() < 1e-9);
    assert!(
        said(&dataset).contains("values up to 3900: 4095 (12 bits) is taken for white"),
        "{}",
        said(&dataset)
    );
    // Brought to eight bits, both classes are nearly black.
    let cut = read(&root, &LoadOptions { deep: false, ..LoadOptions::default() }).unwrap();
    assert_eq!(
        (cut.element_type(), cut.full_scale, first(&cut)),
        (ElementType::U8, 255.0, SampleRef::U8(&[0; 4]))
    );
    // Scaling and colour keep them, too.
    let colour = image::ImageBuffer::from_pixel(2, 2, image::Rgb([1_000_u16, 2_000, 3_000]));
    let colour = pictures::file(ImageFormat::Png, &colour.into());
    let options = LoadOptions { size: Some((1, 1)), ..LoadOptions::default() };
    let dataset = read(&tree([&colour, &colour]), &options).unwrap();
    assert_eq!((dataset.input, first(&dataset)), ([1, 1, 3], SampleRef::U16(&[1_000, 2_000, 3_000])));
}

#[test]
fn pictures_of_8_and_16_bits_are_mixed_only_where_white_is_known() {
    let shallow = image::GrayImage::from_pixel(2, 2, image::Luma([51]));
    let shallow = pictures::file(ImageFormat::Png, &shallow.into());
    let dataset = read(&tree([&shallow, &deep(60_000)]), &LoadOptions::default()).unwrap();
    assert_eq!((dataset.full_scale, first(&dataset)), (65_535.0, SampleRef::U16(&[51 * 257; 4])));
    assert!(said(&dataset).contains("4 of 8 pictures have 8 bits"), "{}", said(&dataset));
    let error = read(&tree([&shallow, &deep(3_900)]), &LoadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("4 of 8 pictures have 8 bits, the others 16 with values up to 3900"), "{error}");
}

#[test]
fn pictures_that_are_all_grey_have_one_channel() {
    let grey = |colour: [u8; 3]| photographs::image(ImageFormat::Png, 4, 4, colour);
    let by_type = pictures::file(ImageFormat::Png, &six());
    let dataset = read(&tree([&by_type, &by_type]), &LoadOptions::default()).unwrap();
    assert_eq!((dataset.input, dataset.warnings.len()), ([2, 3, 1], 0));

    let root = tree([&grey([7; 3]), &grey([90; 3])]);
    let dataset = read(&root, &LoadOptions::default()).unwrap();
    assert_eq!((dataset.input, first(&dataset)), ([4, 4, 1], SampleRef::U8(&[7; 16])));
    assert!(said(&dataset).contains("stored in colour and grey: one channel is kept"), "{}", said(&dataset));
    let colour = read(&root, &LoadOptions { grey: Some(false), ..LoadOptions::default() }).unwrap();
    assert_eq!((colour.input, colour.warnings.len()), ([4, 4, 3], 0));
    let asked = read(&root, &LoadOptions { grey: Some(true), ..LoadOptions::default() }).unwrap();
    assert_eq!(asked.fingerprint, dataset.fingerprint);

    // One picture with colour gives all of them three channels.
    write(root.path(), "b/colour.png", &grey([90, 91, 90]));
    assert_eq!(read(&root, &LoadOptions::default()).unwrap().input, [4, 4, 3]);
}

#[test]
fn incomplete_pictures_and_other_files_are_named() {
    let photograph =
        image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * 5) as u8, (y * 3) as u8, (x ^ y) as u8]));
    let photograph = pictures::file(ImageFormat::Jpeg, &photograph.into());
    let root = tree([&photograph, &photograph]);
    let half = &photograph[..photograph.len() / 2];
    let files: [(&str, &[u8]); 6] = [
        ("half.jpg", half),
        ("without_its_last_bytes.jpg", &photograph[..photograph.len() - 4]),
        ("empty.jpg", b""),
        ("page.jpg", b"<html>not found</html>"),
        ("new.webp", b"RIFF\x10\0\0\0WEBPVP8 "),
        ("bitmap.bmp", &photographs::image(ImageFormat::Bmp, 64, 64, [9; 3])[..200]),
    ];
    for (name, content) in files {
        write(root.path(), &format!("a/{name}"), content);
        let error = read(&root, &LoadOptions::default()).unwrap_err().to_string();
        assert!(error.contains("1 of 9 refused: a/") && error.contains(name), "{error}");
        fs::remove_file(root.path().join("a").join(name)).unwrap();
    }
    // Phones append films and maps of depth.
    write(root.path(), "a/more.jpg", &[&photograph, &b"ftypisom"[..], half].concat());
    assert_eq!(read(&root, &LoadOptions::default()).unwrap().refused, 0);
}

#[test]
fn huge_pictures_are_refused_by_their_headers() {
    let huge = pictures::promising(13_000, 13_000);
    let error = read(&tree([&huge, &huge]), &LoadOptions::default()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("8 of 8 refused") && text.contains("13000x13000 pixels take 507 MB to decode"),
        "{text}"
    );
    assert_eq!(error.hint(), None, "leaving out all of them is no help");
}

#[test]
fn pictures_of_different_sizes_are_scaled_to_one_and_that_is_said() {
    let [small, large] = [(50, 40), (300, 200)]
        .map(|(width, height)| photographs::image(ImageFormat::Png, width, height, [1, 2, 3]));
    let root = tree([&small, &large]);
    let dataset = read(&root, &LoadOptions::default()).unwrap();
    assert_eq!(dataset.input, [96, 96, 3]);
    assert!(said(&dataset).contains("40x50 to 200x300 pixels, are scaled to 96x96"), "{}", said(&dataset));
    let asked = read(&root, &LoadOptions { size: Some((20, 30)), ..LoadOptions::default() }).unwrap();
    assert_eq!((asked.input, asked.warnings.len()), ([20, 30, 3], 0));
    let error = read(&root, &LoadOptions { fit: false, ..LoadOptions::default() }).unwrap_err().to_string();
    assert!(error.contains("200x300 pixels after others of 40x50; --size scales all to one size"), "{error}");
}
