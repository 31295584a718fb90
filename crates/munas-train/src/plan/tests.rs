use munas_ir::Graph;
use munas_kernels::LANES;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Plan, Purpose, draw_mask};
use crate::parameters::ParameterLayout;
use crate::testing::{Conv, Net};

fn arena_bytes(graph: &Graph, batch: usize, purpose: Purpose) -> usize {
    Plan::new(graph, &ParameterLayout::new(graph), batch, purpose).arena_bytes()
}

/// `layers` pointwise convolutions of 5×4×3 pixels, the last of which is the output.
fn chain(layers: usize) -> Graph {
    (0..layers).fold(Net::new(5, 4, 3), |net, _| net.conv(3, Conv::new(1, 1).linear())).finish()
}

#[test]
fn inference_needs_two_neighbours_and_training_two_gradients_more() {
    let tensor = |batch: usize| 5 * 4 * 3 * size_of::<f32>() * batch.next_multiple_of(LANES);
    for (layers, batch) in [(3, 5), (8, 64), (20, 100)] {
        let graph = chain(layers);
        assert_eq!(arena_bytes(&graph, batch, Purpose::Inference), 2 * tensor(batch));
        // Read by the backward pass: what each layer reads. The last output gives way to its gradient.
        let training = arena_bytes(&graph, batch, Purpose::Training { dropout: 0.0, channel_masks: false });
        assert_eq!(training, (layers + 2) * tensor(batch));
    }
}

#[test]
fn masks_keep_the_mean() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for rate in [0.15, 0.5, 0.9] {
        let mut mask = vec![0.0; 64_000];
        draw_mask(rate, &mut rng, &mut mask);
        let dropped = mask.iter().filter(|&&factor| factor == 0.0).count() as f64 / 64_000.0;
        assert!((dropped - rate).abs() < 0.01, "{dropped} of {rate}");
        let kept = (1.0 / (1.0 - rate)) as f32;
        assert!(mask.iter().all(|&factor| factor == 0.0 || factor == kept));
    }
}
