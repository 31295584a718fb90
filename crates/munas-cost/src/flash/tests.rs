use munas_ir::{Activation, GraphBuilder, Op, Shape, TensorId};

use super::{constants, flash};
use crate::boards::{builtin, find};
use crate::{KindCode, code_models, instruction_models};

#[test]
fn every_core_has_code_sizes() {
    let cores = |names: Vec<&str>| {
        let mut names = names;
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let code = cores(code_models().iter().map(|model| model.core.as_str()).collect());
    let instructions = cores(instruction_models().iter().map(|model| model.core.as_str()).collect());
    assert_eq!(code, instructions);
    for core in builtin().cores() {
        assert_eq!(core.code.core, core.instructions.core);
        assert!((0.0..0.3).contains(&core.code.mean_error), "{}", core.name);
    }
}

#[test]
fn weights_and_tables_are_counted() {
    let mut builder = GraphBuilder::new(Shape::flat(20)).unwrap();
    let dense = Op::Dense { units: 7, activation: Activation::None };
    let last = builder.push(dense, &[TensorId::INPUT]).unwrap();
    builder.push(dense, &[last]).unwrap();
    let graph = builder.finish().unwrap();
    assert_eq!(constants(&graph), (7 * 20 + 7 * 7, 9 * 14));
    let board = find("stm32f446re").unwrap();
    let estimate = flash(&graph, board);
    let KindCode { once, each } = board.core.code.dense;
    assert_eq!(estimate.code as f64, (board.core.code.base + once + 2.0 * each).round());
    assert_eq!(estimate.total(), 140 + 49 + 126 + estimate.code);
}
