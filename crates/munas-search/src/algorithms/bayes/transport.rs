//! Exact partial optimal transport between a few nodes.
//!
//! | symbol | meaning |
//! |---|---|
//! | aᵢ, bⱼ | mass of row i (a node of one network), of column j (a node of the other) |
//! | xᵢⱼ | mass that is moved from i to j, Σⱼ xᵢⱼ ≤ aᵢ, Σᵢ xᵢⱼ ≤ bⱼ |
//! | sᵢⱼ | what moving one unit saves against leaving it in both places |
//!
//! The solution maximises Σ sᵢⱼ·xᵢⱼ: the transport problem with a dummy node on each side, whose arcs cost 1, is this one
//! with sᵢⱼ = 2 − costᵢⱼ, because the two dummies take whatever is not moved.
//!
//! Method: successive shortest paths, row by row, with potentials (the Hungarian method for masses; Ahuja, Magnanti, Orlin:
//! Network Flows, section 9.7). Each row sends its mass along the cheapest paths, which may push what earlier rows
//! have sent out of a full column; a column that takes everything for nothing stands for leaving mass where it is.

/// What counts as no mass, relative to the largest.
const NEGLIGIBLE: f64 = 1e-12;

/// The largest total saving; `savings` is row-major, `rows.len()` × `columns.len()`.
pub(super) fn largest_saving(rows: &[f64], columns: &[f64], savings: &[f64]) -> f64 {
    debug_assert_eq!(savings.len(), rows.len() * columns.len());
    match (rows, columns) {
        ([], _) | (_, []) => 0.0,
        (&[row], &[column]) => row.min(column) * savings[0].max(0.0),
        _ => {
            let mut flow = Flow::new(rows, columns, savings);
            (0..rows.len()).for_each(|row| flow.send(row, rows[row]));
            flow.moved.iter().zip(savings).map(|(moved, saving)| moved * saving).sum()
        }
    }
}

/// A column that a path ends in.
#[derive(Clone, Copy)]
enum End {
    Column(usize),
    /// Mass of this row stays where it is.
    Left(usize),
}

/// How a row was reached.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Not,
    /// It is where the path begins.
    Start,
    Through(usize),
}

struct Flow<'a> {
    savings: &'a [f64],
    /// Mass that a column still takes.
    room: Vec<f64>,
    /// xᵢⱼ.
    moved: Vec<f64>,
    /// Potentials u and v: uᵢ + vⱼ ≤ −sᵢⱼ, with equality where mass is moved, and u ≤ 0.
    row_potential: Vec<f64>,
    column_potential: Vec<f64>,
    /// Of a path's search: the length of the shortest way to each column and the row it comes from, and whether that is final.
    distance: Vec<f64>,
    origin: Vec<usize>,
    settled: Vec<bool>,
    /// Rows that were reached, with the length of the way.
    reached: Vec<(usize, f64)>,
    /// Whether a row was reached, and the column that it was reached through.
    way: Vec<Way>,
    negligible: f64,
}

impl<'a> Flow<'a> {
    fn new(rows: &[f64], columns: &[f64], savings: &'a [f64]) -> Self {
        let most = rows.iter().chain(columns).fold(0.0_f64, |a, &b| a.max(b));
        Self {
            savings,
            room: columns.to_vec(),
            moved: vec![0.0; savings.len()],
            row_potential: vec![0.0; rows.len()],
            column_potential: vec![0.0; columns.len()],
            distance: vec![0.0; columns.len()],
            origin: vec![0; columns.len()],
            settled: vec![false; columns.len()],
            reached: Vec::with_capacity(rows.len()),
            way: vec![Way::Not; rows.len()],
            negligible: NEGLIGIBLE * most,
        }
    }

    /// Sends the mass of a row to where it saves most.
    fn send(&mut self, row: usize, mut mass: f64) {
        let savings = self.savings[row * self.room.len()..].iter().zip(&self.column_potential);
        self.row_potential[row] = savings.map(|(saving, potential)| -saving - potential).fold(0.0, f64::min);
        while mass > self.negligible {
            let end = self.shortest_path(row);
            mass -= self.augment(end, mass);
        }
    }

    /// Dijkstra's algorithm from a row to the nearest column with room; potentials follow.
    fn shortest_path(&mut self, row: usize) -> End {
        self.distance.fill(f64::INFINITY);
        self.settled.fill(false);
        self.reached.clear();
        self.reached.push((row, 0.0));
        self.way.fill(Way::Not);
        self.way[row] = Way::Start;
        let mut scanned = 0;
        let mut nearest_left = (f64::INFINITY, row);
        loop {
            while let Some(&(row, length)) = self.reached.get(scanned) {
                scanned += 1;
                let left = length - self.row_potential[row];
                if left < nearest_left.0 {
                    nearest_left = (left, row);
                }
                self.scan(row, length);
            }
            let mut nearest = (nearest_left.0, None);
            for (column, &distance) in self.distance.iter().enumerate() {
                if distance < nearest.0 && !self.settled[column] {
                    nearest = (distance, Some(column));
                }
            }
            let (length, Some(column)) = nearest else {
                self.raise(nearest_left.0);
                return End::Left(nearest_left.1);
            };
            if self.room[column] > self.negligible {
                self.raise(length);
                return End::Column(column);
            }
            self.settled[column] = true;
            for row in 0..self.row_potential.len() {
                if self.way[row] == Way::Not && self.moved[row * self.room.len() + column] > self.negligible {
                    self.way[row] = Way::Through(column);
                    self.reached.push((row, length));
                }
            }
        }
    }

    /// Shortens the ways to columns by those through a row.
    fn scan(&mut self, row: usize, length: f64) {
        let columns = self.room.len();
        let base = length - self.row_potential[row];
        for (column, saving) in self.savings[row * columns..][..columns].iter().enumerate() {
            // Rounding may leave a reduced cost just below zero.
            let distance = (base - saving - self.column_potential[column]).max(length);
            if distance < self.distance[column] {
                self.distance[column] = distance;
                self.origin[column] = row;
            }
        }
    }

    /// Raises the potentials of what is nearer than a path's end.
    fn raise(&mut self, end: f64) {
        for &(row, length) in &self.reached {
            self.row_potential[row] += end - length;
        }
        for (column, potential) in self.column_potential.iter_mut().enumerate() {
            if self.settled[column] {
                *potential -= end - self.distance[column];
            }
        }
    }

    /// Moves up to `mass` along the path that ends there; returns how much.
    fn augment(&mut self, end: End, mass: f64) -> f64 {
        let columns = self.room.len();
        let (first, mut carried) = match end {
            End::Column(column) => (self.origin[column], mass.min(self.room[column])),
            End::Left(row) => (row, mass),
        };
        let mut row = first;
        while let Way::Through(column) = self.way[row] {
            carried = carried.min(self.moved[row * columns + column]);
            row = self.origin[column];
        }
        if let End::Column(column) = end {
            self.moved[first * columns + column] += carried;
            self.room[column] -= carried;
        }
        let mut row = first;
        while let Way::Through(column) = self.way[row] {
            self.moved[row * columns + column] -= carried;
            row = self.origin[column];
            self.moved[row * columns + column] += carried;
        }
        carried
    }
}

#[cfg(test)]
mod tests {
    use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Problem, SolveOutcome};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::largest_saving;

    /// The same by a general solver of linear programs.
    fn by_simplex(rows: &[f64], columns: &[f64], savings: &[f64]) -> f64 {
        let mut program = Problem::new(OptimizationDirection::Maximize);
        let moved: Vec<_> =
            savings.iter().map(|&saving| program.add_var(saving, (0.0, f64::INFINITY))).collect();
        for (row, &mass) in moved.chunks(columns.len()).zip(rows) {
            let sum: LinearExpr = row.iter().map(|&variable| (variable, 1.0)).collect();
            program.add_constraint(sum, ComparisonOp::Le, mass);
        }
        for (column, &mass) in columns.iter().enumerate() {
            let sum: LinearExpr =
                moved.iter().skip(column).step_by(columns.len()).map(|&variable| (variable, 1.0)).collect();
            program.add_constraint(sum, ComparisonOp::Le, mass);
        }
        match program.solve().unwrap() {
            SolveOutcome::Solution(solution) => solution.objective(),
            SolveOutcome::Interrupted(_) => unreachable!("there is no limit"),
        }
    }

    fn problem() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<f64>)> {
        let mass = || prop_oneof![0.0..100.0_f64, (0_u8..4).prop_map(f64::from)];
        (vec(mass(), 1..9), vec(mass(), 1..9)).prop_flat_map(|(rows, columns)| {
            let saving = prop_oneof![-1.0..2.0_f64, Just(2.0), Just(0.0)];
            let savings = vec(saving, rows.len() * columns.len());
            (Just(rows), Just(columns), savings)
        })
    }

    proptest! {
        #[test]
        fn savings_are_those_of_a_solver_of_linear_programs((rows, columns, savings) in problem()) {
            let expected = by_simplex(&rows, &columns, &savings);
            let found = largest_saving(&rows, &columns, &savings);
            prop_assert!((found - expected).abs() <= 1e-7 * (1.0 + expected), "{found}, not {expected}");
        }
    }
}
