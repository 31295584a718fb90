//! Which classes a network takes for which.

/// How often samples of each class were taken for each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `[true class][predicted class]`.
    counts: Vec<u64>,
}

impl Confusion {
    /// A table of `classes` × `classes` zeros.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// The matrix of these rows, one per true class with a count per predicted class; `None` if it is not square.
    pub fn from_rows(rows: &[Vec<u64>]) -> Option<Self> {
        let classes = rows.len();
        let square = rows.iter().all(|row| row.len() == classes);
        square.then(|| Self { classes, counts: rows.concat() })
    }

    /// Counts a sample of `class` that was taken for `predicted`.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn add(&mut self, class: usize, predicted: usize) {
        assert!(predicted < self.classes, "class {predicted} of {}", self.classes);
        self.counts[class * self.classes + predicted] += 1;
    }

    /// One row per true class, each with a count per predicted class.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        self.counts.chunks_exact(self.classes.max(1))
    }

    /// Number of samples counted, right or wrong.
    pub fn samples(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Share of each class's samples that were taken for what they are; `None` for a class without samples.
    pub fn recalls(&self) -> impl Iterator<Item = Option<f64>> {
        self.rows().enumerate().map(|(class, row)| {
            let samples: u64 = row.iter().sum();
            (samples > 0).then(|| row[class] as f64 / samples as f64)
        })
    }

    /// Share of samples that were taken for another class; 0 without samples.
    pub fn error(&self) -> f64 {
        let correct: u64 = self.rows().enumerate().map(|(class, row)| row[class]).sum();
        1.0 - correct as f64 / self.samples().max(1) as f64
    }

    /// The error where each class counts alike, however many samples it has: 1 less the mean recall of the classes that have
    /// any. Answering always the same class gives 1 − 1/classes.
    pub fn balanced_error(&self) -> f64 {
        let recalls: Vec<f64> = self.recalls().flatten().collect();
        1.0 - recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
    }

    /// 1 less the mean F1 of the classes that have samples; the F1 of a class is twice its hits over its samples and what is taken
    /// for it, so that false alarms count too.
    pub fn macro_f1_error(&self) -> f64 {
        let mut predicted = vec![0; self.classes];
        self.rows().for_each(|row| predicted.iter_mut().zip(row).for_each(|(sum, count)| *sum += count));
        let f1 = self.rows().enumerate().filter_map(|(class, row)| {
            let samples: u64 = row.iter().sum();
            (samples > 0).then(|| 2.0 * row[class] as f64 / (samples + predicted[class]) as f64)
        });
        let of_classes: Vec<f64> = f1.collect();
        1.0 - of_classes.iter().sum::<f64>() / of_classes.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_classes_weigh_in_the_balanced_error() {
        // 90 of one class, all right; 10 of another, one right; none of a third.
        let mut confusion = Confusion::new(3);
        (0..90).for_each(|_| confusion.add(0, 0));
        (0..10).for_each(|sample| confusion.add(1, usize::from(sample == 0)));
        assert_eq!(confusion.samples(), 100);
        assert_eq!(confusion.recalls().collect::<Vec<_>>(), [Some(1.0), Some(0.1), None]);
        assert!((confusion.error() - 0.09).abs() < 1e-12);
        assert!((confusion.balanced_error() - 0.45).abs() < 1e-12);
        // F1 of the first: 180 / (90 + 99); of the second: 2 / (10 + 1).
        let f1 = (180.0 / 189.0 + 2.0 / 11.0) / 2.0;
        assert!((confusion.macro_f1_error() - (1.0 - f1)).abs() < 1e-12);
    }

    #[test]
    fn rows_survive_a_round_trip() {
        let mut confusion = Confusion::new(2);
        confusion.add(1, 0);
        let rows: Vec<Vec<u64>> = confusion.rows().map(<[u64]>::to_vec).collect();
        assert_eq!(rows, [[0, 0], [1, 0]]);
        assert_eq!(Confusion::from_rows(&rows), Some(confusion));
        assert_eq!(Confusion::from_rows(&[vec![1, 2]]), None);
    }
}
