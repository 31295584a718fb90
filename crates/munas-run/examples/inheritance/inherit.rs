//! The weights that a network takes over from another one.
//!
//! Operators of the same kind are matched in their order: of all ways to match them, the one in which the kernels have most in common. A
//! kernel is `[outputs][height][width][inputs]` for all kinds, the rows of dense layers by the places of their input. Of a matched pair the
//! part that both have is copied: the first outputs and inputs, and the middle of the window.

use std::error::Error;

use munas_ir::{BatchNorm, Graph, LayerWeights, Op, OpId, Weights};

/// The child's weights with what it has in common with the parent copied over them, and the share of its kernel weights that is.
pub(crate) fn inherit(
    (parent, trained): (&Graph, &Weights),
    (child, initial): (&Graph, &Weights),
) -> Result<(Weights, f64), Box<dyn Error>> {
    let mut layers = initial.layers().to_vec();
    let mut copied = 0;
    for (from, to) in matched(parent, child) {
        if let (Some(old), Some(new)) = (trained.layer(from), layers[to.index()].as_mut()) {
            copied += copy_kernel((kernel_dims(parent, from), old), (kernel_dims(child, to), new));
            copy_outputs(old, new);
        }
    }
    let all: usize = layers.iter().flatten().map(|layer| layer.kernel.len()).sum();
    Ok((Weights::new(child, layers)?, copied as f64 / all as f64))
}

/// Operators with weights that are taken for each other, in the order of both graphs.
fn matched(parent: &Graph, child: &Graph) -> Vec<(OpId, OpId)> {
    let weighted = |graph: &Graph| -> Vec<OpId> {
        graph.ops().map(|(op, _)| op).filter(|&op| graph.weight_dims(op).is_some()).collect()
    };
    let (old, new) = (weighted(parent), weighted(child));
    // The best of the operators from (i, j) on, as in the longest common subsequence.
    let mut best = vec![vec![0.0_f64; new.len() + 1]; old.len() + 1];
    let gain = |i: usize, j: usize| likeness((parent, old[i]), (child, new[j]));
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let both = gain(i, j) + best[i + 1][j + 1];
            best[i][j] = both.max(best[i + 1][j]).max(best[i][j + 1]);
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if best[i][j] == best[i + 1][j] {
            i += 1;
        } else if best[i][j] == best[i][j + 1] {
            j += 1;
        } else {
            pairs.push((old[i], new[j]));
            (i, j) = (i + 1, j + 1);
        }
    }
    pairs
}

/// What two kernels have in common, as a share of the larger one; 0 for operators of different kinds.
fn likeness((parent, from): (&Graph, OpId), (child, to): (&Graph, OpId)) -> f64 {
    if parent.node(from).op.kind_name() != child.node(to).op.kind_name() {
        return 0.0;
    }
    let (old, new) = (kernel_dims(parent, from), kernel_dims(child, to));
    let common: usize = old.iter().zip(new).map(|(&old, new)| old.min(new)).product();
    let larger = old.iter().product::<usize>().max(new.iter().product());
    common as f64 / larger as f64
}

/// Outputs, height, width and inputs of an operator's kernel; all 0 where it has none.
fn kernel_dims(graph: &Graph, op: OpId) -> [usize; 4] {
    let input = graph.first_input_shape(op);
    match (graph.node(op).op, graph.weight_dims(op)) {
        (Op::Dense { units, .. }, _) => [units, input.height, input.width, input.channels],
        (_, dims) => dims.map_or([0; 4], |dims| dims.kernel),
    }
}

/// Copies the part of a kernel that both have; returns its length.
fn copy_kernel(
    (old_dims, old): ([usize; 4], &LayerWeights),
    (new_dims, new): ([usize; 4], &mut LayerWeights),
) -> usize {
    let common: [usize; 4] = std::array::from_fn(|axis| old_dims[axis].min(new_dims[axis]));
    // Only windows have a middle.
    let begin = |dims: [usize; 4], axis: usize| (dims[axis] - common[axis]) / 2;
    let place = |dims: [usize; 4], [output, row, column]: [usize; 3]| {
        let (row, column) = (row + begin(dims, 1), column + begin(dims, 2));
        ((output * dims[1] + row) * dims[2] + column) * dims[3]
    };
    for output in 0..common[0] {
        for row in 0..common[1] {
            for column in 0..common[2] {
                let (from, to) =
                    (place(old_dims, [output, row, column]), place(new_dims, [output, row, column]));
                new.kernel[to..to + common[3]].copy_from_slice(&old.kernel[from..from + common[3]]);
            }
        }
    }
    common.iter().product()
}

/// Copies what there is one of for each output.
fn copy_outputs(old: &LayerWeights, new: &mut LayerWeights) {
    let copy = |old: &[f32], new: &mut [f32]| {
        let common = old.len().min(new.len());
        new[..common].copy_from_slice(&old[..common]);
    };
    copy(&old.bias, &mut new.bias);
    if let (Some(old), Some(new)) = (&old.batch_norm, &mut new.batch_norm) {
        let BatchNorm { gamma, beta, mean, variance } = new;
        copy(&old.gamma, gamma);
        copy(&old.beta, beta);
        copy(&old.mean, mean);
        copy(&old.variance, variance);
    }
}
