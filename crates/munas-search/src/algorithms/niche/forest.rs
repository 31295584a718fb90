//! Regression by extremely randomised trees (Geurts, Ernst, Wehenkel, Machine Learning 63, 2006), each on a bootstrap sample of the
//! rows.
//!
//! A node draws a threshold for each of some columns, uniform between the least and the largest value there, and takes the
//! split that leaves the least sum of squares. The bootstrap leaves out a third of the rows of each tree: what the trees that did
//! not see a row say of it is an honest prediction ([`Forest::out_of_bag`]).

use rand::{Rng, RngExt};

/// Trees of a forest.
pub(super) const TREES: usize = 32;
/// Rows of a leaf at least.
const LEAF: usize = 3;
/// The share of the columns that a node tries.
const TRIED: f64 = 0.4;

/// A fitted forest.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::algorithms) struct Forest {
    trees: Vec<Tree>,
}

/// What the trees that did not see a row say of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::algorithms) struct OutOfBag {
    /// The row.
    pub row: usize,
    /// Mean of their predictions.
    pub mean: f64,
    /// Variance of single predictions about it.
    pub variance: f64,
}

impl Forest {
    /// The fit of `y` to rows of equal length, and what it would say of each row without having seen it.
    ///
    /// # Panics
    /// If there are no rows, or not as many of `y`.
    pub fn fit<R: AsRef<[f64]>>(rows: &[R], y: &[f64], rng: &mut dyn Rng) -> (Self, Vec<OutOfBag>) {
        assert!(!rows.is_empty() && rows.len() == y.len(), "each row has its value");
        let columns: Vec<Vec<f64>> = (0..rows[0].as_ref().len())
            .map(|column| rows.iter().map(|row| row.as_ref()[column]).collect())
            .collect();
        let mut sums = vec![Sums::default(); rows.len()];
        let mut trees = Vec::with_capacity(TREES);
        for _ in 0..TREES {
            let mut sample: Vec<usize> = (0..rows.len()).map(|_| rng.random_range(0..rows.len())).collect();
            let tree = Tree::grow(&columns, y, &mut sample, rng);
            let mut seen = vec![false; rows.len()];
            sample.iter().for_each(|&row| seen[row] = true);
            for (row, _) in seen.iter().enumerate().filter(|(_, seen)| !**seen) {
                sums[row].add(tree.predict(rows[row].as_ref()));
            }
            trees.push(tree);
        }
        let honest = |(row, sums): (usize, &Sums)| {
            // A variance takes two.
            (sums.count >= 2.0).then(|| OutOfBag { row, mean: sums.mean(), variance: sums.variance() })
        };
        let out_of_bag = sums.iter().enumerate().filter_map(honest).collect();
        (Self { trees }, out_of_bag)
    }

    /// What each of the trees says of a row.
    pub fn predictions<'a>(&'a self, row: &'a [f64]) -> impl ExactSizeIterator<Item = f64> + 'a {
        self.trees.iter().map(|tree| tree.predict(row))
    }
}

/// Sums of values, of which mean and variance follow.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn without(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            sum: self.sum - other.sum,
            squares: self.squares - other.squares,
        }
    }

    fn mean(self) -> f64 {
        self.sum / self.count
    }

    /// About the mean, for an estimate of what is behind the values.
    fn variance(self) -> f64 {
        (self.about_mean() / (self.count - 1.0)).max(0.0)
    }

    /// The sum of squares about the mean.
    fn about_mean(self) -> f64 {
        self.squares - self.sum * self.sum / self.count
    }
}

/// Nodes, of which the first is the root.
#[derive(Clone, Debug, PartialEq)]
struct Tree(Vec<Node>);

/// Of 16 bytes: what a prediction takes is fetching nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Leaf(f64),
    /// Rows with a value below the threshold go to the next node, the others to `above`.
    Split {
        column: u16,
        above: u32,
        threshold: f64,
    },
}

/// A split that was tried, and what it leaves.
#[derive(Clone, Copy)]
struct Tried {
    column: usize,
    threshold: f64,
    left: f64,
}

impl Tree {
    fn grow(columns: &[Vec<f64>], y: &[f64], rows: &mut [usize], rng: &mut dyn Rng) -> Self {
        let mut tree = Self(Vec::new());
        let mut order: Vec<usize> = (0..columns.len()).collect();
        tree.grow_node(&Data { columns, y }, rows, &mut order, rng);
        tree
    }

    /// Appends the node of these rows, and all below it.
    fn grow_node(&mut self, data: &Data<'_>, rows: &mut [usize], order: &mut [usize], rng: &mut dyn Rng) {
        let place = self.0.len();
        let sums = data.sums(rows);
        self.0.push(Node::Leaf(sums.mean()));
        let Some(Tried { column, threshold, .. }) = data.split(rows, sums, order, rng) else { return };
        let count = partition(rows, |row| data.columns[column][row] < threshold);
        let (below, above) = rows.split_at_mut(count);
        self.grow_node(data, below, order, rng);
        let next = u32::try_from(self.0.len()).expect("a tree has fewer than 2^32 nodes");
        let column = u16::try_from(column).expect("there are fewer than 2^16 columns");
        self.0[place] = Node::Split { column, above: next, threshold };
        self.grow_node(data, above, order, rng);
    }

    fn predict(&self, row: &[f64]) -> f64 {
        let mut place = 0;
        loop {
            match self.0[place] {
                Node::Leaf(value) => return value,
                Node::Split { column, above, threshold } => {
                    place = if row[usize::from(column)] < threshold { place + 1 } else { above as usize };
                }
            }
        }
    }
}

struct Data<'a> {
    columns: &'a [Vec<f64>],
    y: &'a [f64],
}

impl Data<'_> {
    fn sums(&self, rows: &[usize]) -> Sums {
        let mut sums = Sums::default();
        rows.iter().for_each(|&row| sums.add(self.y[row]));
        sums
    }

    /// The best of some random splits; `None` if the rows shall stay together.
    fn split(&self, rows: &[usize], sums: Sums, order: &mut [usize], rng: &mut dyn Rng) -> Option<Tried> {
        if rows.len() < 2 * LEAF || sums.about_mean() <= f64::EPSILON * sums.squares {
            return None;
        }
        let wanted = (TRIED * order.len() as f64).ceil() as usize;
        let mut best: Option<Tried> = None;
        let mut tried = 0;
        for drawn in 0..order.len() {
            order.swap(drawn, rng.random_range(drawn..order.len()));
            let column = order[drawn];
            let values = &self.columns[column];
            let (least, most) =
                rows.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &row| {
                    (least.min(values[row]), most.max(values[row]))
                });
            // A constant is no choice.
            if least >= most {
                continue;
            }
            tried += 1;
            let threshold = least + rng.random::<f64>() * (most - least);
            let mut below = Sums::default();
            rows.iter().filter(|&&row| values[row] < threshold).for_each(|&row| below.add(self.y[row]));
            let above = sums.without(below);
            if below.count.min(above.count) >= LEAF as f64 {
                let left = below.about_mean() + above.about_mean();
                if best.is_none_or(|best| left < best.left) {
                    best = Some(Tried { column, threshold, left });
                }
            }
            if tried == wanted {
                break;
            }
        }
        best
    }
}

/// Moves the rows for which `is_first` holds to the front, and says how many they are.
fn partition(rows: &mut [usize], is_first: impl Fn(usize) -> bool) -> usize {
    let mut count = 0;
    for place in 0..rows.len() {
        if is_first(rows[place]) {
            rows.swap(place, count);
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::testing::generator;

    /// Rows of ten columns, and a function of three of them that no plane follows.
    fn rows(count: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut rng = generator(seed, 0);
        let rows: Vec<Vec<f64>> =
            (0..count).map(|_| (0..10).map(|_| rng.random_range(0.0..1.0)).collect()).collect();
        let value = |row: &Vec<f64>| f64::from(u8::from(row[0] > 0.5)) * row[1] + (row[2] - 0.5).abs();
        let y = rows.iter().map(value).collect();
        (rows, y)
    }

    fn mean(forest: &Forest, row: &[f64]) -> f64 {
        forest.predictions(row).sum::<f64>() / TREES as f64
    }

    fn mean_square(errors: impl Iterator<Item = f64>) -> f64 {
        let (sum, count) = errors.fold((0.0, 0.0), |(sum, count), error| (sum + error * error, count + 1.0));
        sum / count
    }

    fn variance(y: &[f64]) -> f64 {
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        mean_square(y.iter().map(|y| y - mean))
    }

    #[test]
    fn it_predicts_what_it_has_not_seen() {
        let (seen, y) = rows(500, 1);
        let (forest, _) = Forest::fit(&seen, &y, &mut generator(2, 0));
        let (unseen, truth) = rows(500, 3);
        let left = mean_square(unseen.iter().zip(&truth).map(|(row, y)| mean(&forest, row) - y));
        assert!(left < 0.25 * variance(&truth), "{left} of {}", variance(&truth));
    }

    #[test]
    fn out_of_bag_errors_are_those_of_unseen_rows() {
        let (seen, y) = rows(500, 1);
        let (forest, honest) = Forest::fit(&seen, &y, &mut generator(2, 0));
        let (unseen, truth) = rows(500, 3);
        let expected = mean_square(unseen.iter().zip(&truth).map(|(row, y)| mean(&forest, row) - y));
        let found = mean_square(honest.iter().map(|one| one.mean - y[one.row]));
        let fitted = mean_square(seen.iter().zip(&y).map(|(row, y)| mean(&forest, row) - y));
        assert!(honest.len() > 490 && honest.iter().all(|one| one.variance >= 0.0));
        assert!((0.8..1.6).contains(&(found / expected)), "{found}, not {expected}");
        assert!(fitted < 0.7 * found, "{fitted} of rows that were seen, {found} of others");
    }

    #[test]
    fn the_generator_decides() {
        let (seen, y) = rows(100, 1);
        let fit = |seed| Forest::fit(&seen, &y, &mut generator(seed, 0));
        assert_eq!(fit(1), fit(1));
        assert_ne!(fit(1), fit(2));
    }

    #[test]
    fn leaves_are_means_of_rows_and_never_beyond_them() {
        let (seen, y) = rows(60, 1);
        let (forest, _) = Forest::fit(&seen, &y, &mut generator(2, 0));
        let (least, most) = y.iter().fold((f64::INFINITY, 0.0_f64), |(l, m), &y| (l.min(y), m.max(y)));
        for value in forest.predictions(&[9.0; 10]).chain(forest.predictions(&[-9.0; 10])) {
            assert!((least - 1e-12..=most + 1e-12).contains(&value));
        }
    }

    #[test]
    fn rows_that_cannot_be_told_apart_share_their_mean() {
        let (forest, honest) = Forest::fit(&[[1.0, 2.0]; 8], &[0.5; 8], &mut generator(1, 0));
        assert!(forest.predictions(&[1.0, 2.0]).all(|value| value == 0.5));
        assert!(honest.iter().all(|one| one.mean == 0.5 && one.variance == 0.0));
        let (single, _) = Forest::fit(&[[1.0]], &[2.0], &mut generator(1, 0));
        assert!(single.predictions(&[5.0]).all(|value| value == 2.0));
    }
}
