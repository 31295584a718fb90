//! Images, and COCO in its published layout.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat};

/// An image file of one colour.
pub fn image(format: ImageFormat, width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let pixels = image::RgbImage::from_pixel(width, height, image::Rgb(colour));
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(pixels).write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// COCO's layout with eight training and four test images of different sizes: even ones show a person, as do those whose person is
/// 0.5 % of the image; in every third there is a person too small to count.
pub fn write_coco(root: &Path) {
    for (part, count) in [("train", 8_u32), ("val", 4)] {
        let folder = root.join(format!("{part}2014"));
        fs::create_dir_all(&folder).unwrap();
        let (mut images, mut objects) = (Vec::new(), Vec::new());
        for number in 0..count {
            let (width, height) = (40 + 10 * number, 60);
            let name = format!("COCO_{part}2014_{number:012}.jpg");
            fs::write(
                folder.join(&name),
                image(ImageFormat::Jpeg, width, height, [number as u8 * 20, 99, 7]),
            )
            .unwrap();
            images.push(format!(
                r#"{{"license": 3, "file_name": "{name}", "height": {height}, "width": {width}, "id": {}}}"#,
                1000 + number
            ));
            let area = f64::from(width * height);
            let share = if number % 2 == 0 { 0.005 } else { 0.0049 };
            for (category, share) in [(1, share), (18, 0.5)] {
                objects.push(format!(
                    r#"{{"segmentation": [[1, 2, 3.5]], "area": {}, "iscrowd": 0, "image_id": {}, "bbox": [0, 0, 1, 1],
                        "category_id": {category}, "id": 7}}"#,
                    area * share,
                    1000 + number
                ));
            }
        }
        let categories = r#"[{"supercategory": "animal", "id": 18, "name": "dog"}, {"supercategory": "person", "id": 1, "name": "person"}]"#;
        let json = format!(
            r#"{{"info": {{}}, "images": [{}], "annotations": [{}], "categories": {categories}}}"#,
            images.join(", "),
            objects.join(", ")
        );
        fs::create_dir_all(root.join("annotations")).unwrap();
        fs::write(root.join(format!("annotations/instances_{part}2014.json")), json).unwrap();
    }
}
