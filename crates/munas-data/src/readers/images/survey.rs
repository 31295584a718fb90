//! What all pictures of a dataset become, decided by their headers before any of them is decoded.

use super::ImageOptions;
use super::header::Header;
use super::pixels::Form;
use crate::warning::Warning;

/// Sides of the squares that pictures are scaled to when no size is asked for: the largest that is not above the median of
/// their shorter sides. 96 pixels are what networks for microcontrollers usually see (Visual Wake Words).
const SIDES: [usize; 6] = [16, 24, 32, 48, 64, 96];
/// Pictures that are all of one size of no more pixels are left as they are.
const SMALL: usize = 160 * 160;

/// The form that pictures with these headers are stored in, and what there is to say about it.
///
/// Where colour is not settled by the options, they are stored with it if one of them has a type with colour.
pub(super) fn form(headers: &[&Header], options: &ImageOptions) -> (Form, Option<Warning>) {
    let (size, warning) = match (options.size, headers.first()) {
        (Some(size), _) => (size, None),
        (None, None) => ((0, 0), None),
        (None, Some(_)) if options.fit => common_size(headers),
        (None, Some(first)) => (first.size, None),
    };
    let colour = match options.grey {
        Some(grey) => !grey,
        None => headers.iter().any(|header| header.colour),
    };
    let deep = options.deep && headers.iter().any(|header| header.deep);
    (Form { size, colour, deep }, warning)
}

/// A size for all pictures, and what is to be said where it is not theirs.
fn common_size(headers: &[&Header]) -> ((usize, usize), Option<Warning>) {
    let sizes = || headers.iter().map(|header| header.size);
    let area = |(height, width): (usize, usize)| height * width;
    let (Some(least), Some(most)) =
        (sizes().min_by_key(|&size| area(size)), sizes().max_by_key(|&size| area(size)))
    else {
        return ((0, 0), None);
    };
    let first = headers[0].size;
    let alike = sizes().all(|size| size == first);
    if alike && area(first) <= SMALL {
        return (first, None);
    }
    let mut shorter: Vec<usize> = sizes().map(|(height, width)| height.min(width)).collect();
    shorter.sort_unstable();
    let median = shorter[shorter.len() / 2];
    let side = SIDES.into_iter().rev().find(|&side| side <= median).unwrap_or(SIDES[0]);
    let what = if alike {
        format!("pictures of {}x{} pixels", first.0, first.1)
    } else {
        format!("pictures of different sizes, {}x{} to {}x{} pixels,", least.0, least.1, most.0, most.1)
    };
    let warning = Warning::new(format!("{what} are scaled to {side}x{side}"))
        .hint("`--size HEIGHTxWIDTH` takes another size");
    ((side, side), Some(warning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(sizes: &[(usize, usize)]) -> Vec<Header> {
        sizes.iter().map(|&size| Header { size, colour: false, deep: false, cost: 0 }).collect()
    }

    fn size(sizes: &[(usize, usize)]) -> ((usize, usize), Option<String>) {
        let headers = headers(sizes);
        let (size, warning) = common_size(&headers.iter().collect::<Vec<_>>());
        (size, warning.map(|warning| warning.what))
    }

    #[test]
    fn small_pictures_of_one_size_stay_and_all_others_are_scaled() {
        assert_eq!(size(&[(28, 28); 3]), ((28, 28), None));
        assert_eq!(size(&[(120, 160); 3]), ((120, 160), None));
        let (photographs, said) = size(&[(3000, 4000); 5]);
        assert_eq!(
            (photographs, said.as_deref()),
            ((96, 96), Some("pictures of 3000x4000 pixels are scaled to 96x96"))
        );
        let (mixed, said) = size(&[(20, 90), (50, 40), (300, 300), (60, 60), (33, 70)]);
        assert_eq!(mixed, (32, 32));
        assert_eq!(
            said.unwrap(),
            "pictures of different sizes, 20x90 to 300x300 pixels, are scaled to 32x32"
        );
        assert_eq!(size(&[(3, 3), (4, 4)]).0, (16, 16));
    }
}
