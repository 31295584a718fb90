//! Work on many files at once. What is expensive about reading them is decoding, which every core can do.

use std::num::NonZero;
use std::thread;

/// `work` on every item, in their order, on all cores. Each thread starts with a state of its own.
pub(super) fn map<T: Sync, S, R: Send>(
    items: &[T],
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &T) -> R + Sync,
) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let run = |(chunk, items): (usize, _)| {
            let (state, work) = (&state, &work);
            let run = move |items: &[T]| -> Vec<R> {
                let mut state = state();
                items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| work(&mut state, chunk * share + at, item))
                    .collect()
            };
            scope.spawn(move || run(items))
        };
        let running: Vec<_> = items.chunks(share).enumerate().map(run).collect();
        let mut results = Vec::with_capacity(items.len());
        for thread in running {
            match thread.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_keep_the_order_of_the_items() {
        for count in [0, 1, 2, 7, 100] {
            let items: Vec<usize> = (0..count).collect();
            let results = super::map(
                &items,
                || 0,
                |seen, index, item| {
                    *seen += 1;
                    (index, *item * 3)
                },
            );
            assert_eq!(results, items.iter().map(|&item| (item, item * 3)).collect::<Vec<_>>());
        }
    }
}
