//! Files that are written: what is in them, and what their runtime makes of it.

use expect_test::expect;
use munas_cost::{MemoryRules, choose_order};
use munas_export::helper::HelperLimits;
use munas_export::tflite::{Model, ModelMetadata, OperatorKind, Tflm, TflmError, write, write_in_best_order};
use munas_ir::{Activation, Graph, GraphBuilder, Op, OpId, Padding, PoolKind, Shape, TensorId, Window};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    aligned_peak,
    networks::{Case, Ranges, case, random_graphs},
    setting,
};

fn conv(filters: usize, kernel: usize) -> Op {
    Op::Conv2d {
        filters,
        kernel: Window::square(kernel),
        stride: Window::square(1),
        padding: Padding::Valid,
        batch_norm: true,
        activation: Activation::Relu,
    }
}

/// Every kind of operator: three branches of different sizes added up, pooled and classified.
fn example() -> Graph {
    let mut builder = GraphBuilder::new(Shape::new(9, 8, 2)).unwrap();
    let mut push = |op, inputs: &[TensorId]| builder.push(op, inputs).unwrap();
    let depthwise = Op::DepthwiseConv2d {
        kernel: Window::new(3, 2),
        stride: Window::new(2, 1),
        padding: Padding::Same,
        batch_norm: false,
        activation: Activation::None,
    };
    let trunk = push(conv(4, 1), &[TensorId::INPUT]);
    let large = push(conv(4, 2), &[trunk]);
    let small = push(conv(4, 3), &[trunk]);
    let strided = push(depthwise, &[trunk]);
    let sum = push(Op::Add, &[large, small, strided]);
    let pooled = push(Op::Pool { kind: PoolKind::Max, window: Window::square(2) }, &[sum]);
    let pooled = push(Op::Pool { kind: PoolKind::Avg, window: Window::new(2, 1) }, &[pooled]);
    let hidden = push(Op::Dense { units: 5, activation: Activation::Relu }, &[pooled]);
    push(Op::Dense { units: 3, activation: Activation::None }, &[hidden]);
    builder.finish().unwrap()
}

fn example_case() -> Case {
    case(&example(), Ranges::Calibrated, 2, &mut ChaCha8Rng::seed_from_u64(5))
}

fn file_of(case: &Case, order: &[OpId]) -> Vec<u8> {
    let metadata = crate::metadata::example(&case.network);
    write(&case.network, order, &metadata)
}

/// The file of the example.
pub fn written_file() -> Vec<u8> {
    let case = example_case();
    let order: Vec<OpId> = case.network.graph().ops().map(|(op, _)| op).collect();
    file_of(&case, &order)
}

/// One line for each operator: what it reads and writes, with shapes.
fn lines(model: &Model<'_>) -> String {
    let show = |index| {
        let tensor = model.tensor(index);
        format!("{} {}{:?}", tensor.name, tensor.element_type, tensor.shape)
    };
    let line = |operator: &munas_export::tflite::Operator| {
        let inputs: Vec<String> = operator.inputs.iter().map(|input| show(input.unwrap())).collect();
        let options = &operator.options;
        let window = options.window.map_or(String::new(), |window| {
            let (size, stride) = (window.size, window.stride);
            format!(" size {size:?} stride {stride:?} padding {}", window.padding)
        });
        let output = show(operator.outputs[0]);
        let kind = &operator.kind;
        format!(
            "{kind} activation {}{window}\n    {}\n    -> {output}\n",
            options.activation,
            inputs.join(", ")
        )
    };
    model.operators.iter().map(line).collect()
}

#[test]
fn operators_are_in_the_given_order_with_pads_where_they_are_needed() {
    let case = example_case();
    let order = [0, 3, 2, 1, 4, 5, 6, 7, 8].map(OpId::new);
    let file = file_of(&case, &order);
    let model = Model::read(&file).unwrap();
    expect![[r#"
        CONV_2D activation 1 size [0, 0] stride [1, 1] padding 1
            input INT8[1, 9, 8, 2], op0_Conv2D/kernel INT8[4, 1, 1, 2], op0_Conv2D/bias INT32[4]
            -> op0_Conv2D INT8[1, 9, 8, 4]
        DEPTHWISE_CONV_2D activation 0 size [0, 0] stride [2, 1] padding 0
            op0_Conv2D INT8[1, 9, 8, 4], op3_DWConv2D/kernel INT8[1, 3, 2, 4], op3_DWConv2D/bias INT32[4]
            -> op3_DWConv2D INT8[1, 5, 8, 4]
        CONV_2D activation 1 size [0, 0] stride [1, 1] padding 1
            op0_Conv2D INT8[1, 9, 8, 4], op2_Conv2D/kernel INT8[4, 3, 3, 4], op2_Conv2D/bias INT32[4]
            -> op2_Conv2D INT8[1, 7, 6, 4]
        CONV_2D activation 1 size [0, 0] stride [1, 1] padding 1
            op0_Conv2D INT8[1, 9, 8, 4], op1_Conv2D/kernel INT8[4, 2, 2, 4], op1_Conv2D/bias INT32[4]
            -> op1_Conv2D INT8[1, 8, 7, 4]
        PAD activation 0
            op1_Conv2D INT8[1, 8, 7, 4], op4_Add/op1_Conv2D/paddings INT32[4, 2]
            -> op4_Add/op1_Conv2D/padded INT8[1, 8, 8, 4]
        PAD activation 0
            op2_Conv2D INT8[1, 7, 6, 4], op4_Add/op2_Conv2D/paddings INT32[4, 2]
            -> op4_Add/op2_Conv2D/padded INT8[1, 8, 8, 4]
        ADD activation 0
            op4_Add/op1_Conv2D/padded INT8[1, 8, 8, 4], op4_Add/op2_Conv2D/padded INT8[1, 8, 8, 4]
            -> op4_Add/sum1 INT8[1, 8, 8, 4]
        PAD activation 0
            op3_DWConv2D INT8[1, 5, 8, 4], op4_Add/op3_DWConv2D/paddings INT32[4, 2]
            -> op4_Add/op3_DWConv2D/padded INT8[1, 8, 8, 4]
        ADD activation 0
            op4_Add/sum1 INT8[1, 8, 8, 4], op4_Add/op3_DWConv2D/padded INT8[1, 8, 8, 4]
            -> op4_Add INT8[1, 8, 8, 4]
        MAX_POOL_2D activation 0 size [2, 2] stride [2, 2] padding 1
            op4_Add INT8[1, 8, 8, 4]
            -> op5_Pool INT8[1, 4, 4, 4]
        AVERAGE_POOL_2D activation 0 size [2, 1] stride [2, 1] padding 1
            op5_Pool INT8[1, 4, 4, 4]
            -> op6_Pool INT8[1, 2, 4, 4]
        FULLY_CONNECTED activation 1
            op6_Pool INT8[1, 2, 4, 4], op7_Dense/kernel INT8[5, 32], op7_Dense/bias INT32[5]
            -> op7_Dense INT8[1, 5]
        FULLY_CONNECTED activation 0
            op7_Dense INT8[1, 5], op8_Dense/kernel INT8[3, 5], op8_Dense/bias INT32[3]
            -> op8_Dense INT8[1, 3]
    "#]]
    .assert_eq(&lines(&model));
}

#[test]
fn constants_and_parameters_are_those_of_the_network() {
    let case = example_case();
    let file = written_file();
    let model = Model::read(&file).unwrap();
    let graph = case.network.graph();
    let quantisation = case.network.quantisation();
    let tensor = |name: &str| model.tensor(model.find_tensor(name).unwrap());
    for (op, _) in graph.ops() {
        let name = munas_export::tflite::tensor_name(graph, op.output());
        let output = &tensor(&name).quantisation;
        assert_eq!(output.scales, [quantisation.tensor(op.output()).scale]);
        assert_eq!(output.zero_points, [i64::from(quantisation.tensor(op.output()).zero_point)]);
        let Some(layer) = case.network.layer(op).linear() else { continue };
        let kernel = tensor(&format!("{name}/kernel"));
        assert!(kernel.data.iter().map(|byte| byte.cast_signed()).eq(layer.weights.iter().copied()));
        assert_eq!(kernel.quantisation.scales, quantisation.kernel(op).unwrap());
        let bias = tensor(&format!("{name}/bias"));
        let (biases, _) = bias.data.as_chunks();
        assert!(biases.iter().copied().map(i32::from_le_bytes).eq(layer.bias.iter().copied()));
        let input_scale = quantisation.tensor(graph.node(op).inputs[0]).scale;
        let products: Vec<f32> = kernel.quantisation.scales.iter().map(|scale| scale * input_scale).collect();
        assert_eq!(bias.quantisation.scales, products);
    }
}

#[test]
fn files_name_run_and_trial_and_are_aligned() {
    let file = written_file();
    assert_eq!(file, written_file(), "equal networks have equal files");
    assert_eq!(crate::metadata::end_of_model(&file) % 16, 0);
    let model = Model::read(&file).unwrap();
    assert_eq!(model.description, "two words");
    let metadata = |name: &str| &model.metadata.iter().find(|(entry, _)| entry == name).unwrap().1[..];
    assert_eq!((metadata("munas.run"), metadata("munas.trial")), (&b"a run"[..], &b"12"[..]));
    assert_eq!(metadata("min_runtime_version"), b"1.14.0\0\0\0\0\0\0\0\0\0\0");
    for tensor in model.tensors.iter().filter(|tensor| tensor.is_constant()) {
        let offset = tensor.data.as_ptr() as usize - file.as_ptr() as usize;
        assert_eq!(offset % 16, 0, "{}", tensor.name);
    }
}

/// Without an Add, the figures of the graph are those of the file; with one, Pads and partial sums come on top.
#[test]
fn files_cost_what_their_graph_costs() {
    let mut improved = 0;
    for graph in random_graphs(40, 3) {
        let case = case(&graph, Ranges::Calibrated, 0, &mut ChaCha8Rng::seed_from_u64(1));
        let chosen = choose_order(&graph, MemoryRules::TFLM);
        let file = file_of(&case, &chosen.order);
        let cost = Model::read(&file).unwrap().cost().unwrap();
        assert_eq!(cost.macs, munas_cost::macs(&graph), "{graph}");
        assert_eq!(cost.parameters, munas_cost::model_size(&graph), "{graph}");
        let adds = graph.ops().filter(|(_, node)| matches!(node.op, Op::Add)).count();
        if adds == 0 {
            assert_eq!(cost.file_order.peak, chosen.peak, "{graph}");
        } else {
            assert!(cost.file_order.peak >= chosen.peak, "{graph}");
        }
        let best = write_in_best_order(&case.network, &ModelMetadata::default());
        let best = Model::read(&best).unwrap().cost().unwrap();
        assert_eq!(best.file_order.peak, cost.best_order.peak, "{graph}");
        improved += usize::from(best.file_order.peak < cost.file_order.peak);
    }
    assert!(improved > 0, "Adds of three and more begin before all their summands are there");
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn runtime_takes_the_arena_that_the_file_order_costs() {
    for graph in random_graphs(setting("MUNAS_TFLITE_NETWORKS", 4), 31) {
        let case = case(&graph, Ranges::Calibrated, 0, &mut ChaCha8Rng::seed_from_u64(1));
        let file = write_in_best_order(&case.network, &ModelMetadata::default());
        let cost = Model::read(&file).unwrap().cost().unwrap();
        match Tflm::new(HelperLimits::default()).arena_head(&file) {
            Err(error @ TflmError::Missing(_)) => return eprintln!("skipped: {error}"),
            head => assert_eq!(head.unwrap(), aligned_peak(&cost), "{graph}"),
        }
    }
}

/// The reason why the example is refused after a change.
fn refusal(change: impl Fn(&mut Model<'_>)) -> String {
    let file = written_file();
    let mut model = Model::read(&file).unwrap();
    change(&mut model);
    model.cost().unwrap_err().to_string()
}

#[test]
fn models_that_cannot_be_priced_are_refused_by_name() {
    let reasons = [
        refusal(|model| model.tensors[3].shape[1] = -1),
        refusal(|model| model.tensors[3].shape_signature = vec![1, -1, 8, 4]),
        refusal(|model| model.tensors[3].shape = vec![1, 70_000, 70_000, 4]),
        refusal(|model| model.tensors[3].is_variable = true),
        refusal(|model| model.operators[2].kind = OperatorKind::Custom("Sonar".into())),
        refusal(|model| model.operators.swap(0, 1)),
        refusal(|model| model.operators[2].outputs = model.operators[1].outputs.clone()),
        refusal(|model| model.operators[2].inputs.truncate(1)),
        refusal(|model| model.operators[2].outputs.clear()),
        refusal(|model| model.operators.clear()),
    ];
    expect![[r#"
        tensor 3 (op0_Conv2D): the shape [1, -1, 8, 4] is not fixed
        tensor 3 (op0_Conv2D): the shape [1, -1, 8, 4] is not fixed
        tensor 3 (op0_Conv2D): the shape [1, 70000, 70000, 4] is too large
        tensor 3 (op0_Conv2D): a variable, which lives from one inference to the next, cannot be priced
        operator 2 (custom operator "Sonar"): custom operators cannot be priced
        operator 0 (CONV_2D): it reads tensor 3, which no operator before it writes
        operator 2 (CONV_2D): tensor 6 is written twice
        operator 2 (CONV_2D): it lacks an input or attribute, or they do not fit together
        operator 2 (CONV_2D): it has no output
        the model is empty: it has no operator"#]]
    .assert_eq(&reasons.join("\n"));
}
