//! Files that are written: what is in them, and what their runtime makes of it.

use std::fmt::Write;

use expect_test::expect;
use munas_cost::{MemoryModel, MemoryRules, NetworkInput, Runtime, boards::find, choose_order, peak_memory};
use munas_export::helper::HelperLimits;
use munas_export::tflite::{
    Model, ModelCost, ModelMetadata, OperatorKind, StreamedMemory, TfliteError, Tflm, TflmError, write,
    write_in_best_order,
};
use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Op, OpId, Padding, PoolKind, Shape, TensorId, Window,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    activated::activated,
    aligned_peak,
    networks::{Case, Ranges, case, random_graphs},
    setting,
};

fn conv(filters: usize, kernel: usize) -> Op {
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: Window::square(kernel),
            stride: Window::square(1),
            padding: Padding::Valid,
            batch_norm: true,
            activation: Activation::Relu,
        },
    }
}

/// Every kind of operator: three branches of different sizes added up, pooled and classified.
fn example() -> Graph {
    let mut builder = GraphBuilder::new(Shape::new(9, 8, 2)).unwrap();
    let mut push = |op, inputs: &[TensorId]| builder.push(op, inputs).unwrap();
    let depthwise = Op::DepthwiseConv2d(ConvAttributes {
        kernel: Window::new(3, 2),
        stride: Window::new(2, 1),
        padding: Padding::Same,
        batch_norm: false,
        activation: Activation::None,
    });
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

/// The numbers of the schema's enumeration `ActivationFunctionType`.
#[test]
fn activations_are_fused() {
    for (activation, number) in [(Activation::None, 0), (Activation::Relu, 1), (Activation::Relu6, 3)] {
        let graph = activated(activation);
        let case = case(&graph, Ranges::Calibrated, 0, &mut ChaCha8Rng::seed_from_u64(6));
        let order: Vec<OpId> = graph.ops().map(|(op, _)| op).collect();
        let file = file_of(&case, &order);
        let model = Model::read(&file).unwrap();
        let fused: Vec<i8> = model.operators.iter().map(|operator| operator.options.activation).collect();
        assert_eq!(fused, [number, number, number, number, 0]);
        assert_eq!(model.cost().unwrap().macs, munas_cost::macs(&graph));
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

/// A file without a Pad or a partial sum takes what its graph does: the same kernels compute it.
#[test]
fn files_take_as_long_as_their_graph() {
    let board = find("nrf52840").unwrap();
    let mut compared = 0;
    for graph in random_graphs(40, 3) {
        let case = case(&graph, Ranges::Calibrated, 0, &mut ChaCha8Rng::seed_from_u64(1));
        let file = write_in_best_order(&case.network, &ModelMetadata::default());
        let model = Model::read(&file).unwrap();
        let cost = model.cost().unwrap();
        let latency = model.latency(&cost, board);
        let pads = cost.operators.iter().enumerate().filter(|(_, operator)| operator.name == "PAD");
        assert_eq!(latency.unknown, pads.map(|(index, _)| index).collect::<Vec<_>>(), "{graph}");
        if model.operators.len() == graph.nodes().len() {
            let expected = munas_cost::latency(&graph, board).cycles;
            assert!(latency.estimate.cycles.abs_diff(expected) <= 1, "{graph}");
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared}");
}

/// Operators that munas has no kernels for have no estimate.
#[test]
fn operators_without_a_kernel_take_an_unknown_time() {
    let board = find("nrf52840").unwrap();
    let unknown = |change: fn(&mut Model<'_>)| {
        let file = written_file();
        let mut model = Model::read(&file).unwrap();
        change(&mut model);
        let cost = model.cost().unwrap();
        model.latency(&cost, board).unknown
    };
    let pads = unknown(|_| {});
    let with = |operator: usize| {
        let mut all = [&pads[..], &[operator]].concat();
        all.sort_unstable();
        all
    };
    assert_eq!(unknown(|model| model.operators[2].kind = OperatorKind::Custom("Sonar".into())), with(2));
    let dilated =
        |model: &mut Model<'_>| model.operators[1].options.window.as_mut().unwrap().dilation = [2, 2];
    assert_eq!(unknown(dilated), with(1));
    let wide = unknown(|model| {
        let bias = model.tensors.iter().find(|tensor| tensor.name.ends_with("/bias")).unwrap().element_type;
        model.tensors.iter_mut().for_each(|tensor| tensor.element_type = bias);
    });
    assert_eq!(wide.len(), Model::read(&written_file()).unwrap().operators.len());
}

/// The figures of the example after a change.
fn cost_after(change: impl Fn(&mut Model<'_>)) -> Result<ModelCost, TfliteError> {
    let file = written_file();
    let mut model = Model::read(&file).unwrap();
    change(&mut model);
    model.cost()
}

#[test]
fn models_that_no_device_can_run_are_refused() {
    let refusal = |change: fn(&mut Model<'_>)| cost_after(change).unwrap_err().to_string();
    let reasons = [
        refusal(|model| model.tensors[3].shape = vec![1, 70_000, 70_000, 4]),
        refusal(|model| model.operators.swap(0, 1)),
        refusal(|model| model.operators[2].outputs = model.operators[1].outputs.clone()),
        refusal(|model| model.operators[2].outputs.clear()),
        refusal(|model| model.operators.clear()),
    ];
    expect![[r#"
        tensor 3 (op0_Conv2D): the shape [1, 70000, 70000, 4] is too large
        operator 0 (CONV_2D): it reads tensor 3, which no operator before it writes
        operator 2 (CONV_2D): tensor 6 is written twice
        operator 5 (PAD): it reads tensor 9, which no operator before it writes
        the model is empty: it has no operator"#]]
    .assert_eq(&reasons.join("\n"));
}

/// What is not known is left out of the figures and listed; the rest is priced as ever.
#[test]
fn what_is_not_known_is_listed() {
    let whole = cost_after(|_| {}).unwrap();
    let mut table = String::new();
    let without = |operators: &[usize]| {
        whole.macs - operators.iter().map(|&operator| whole.operators[operator].macs.unwrap()).sum::<u64>()
    };
    let mut check = |change: fn(&mut Model<'_>), unknown: &[usize]| {
        let cost = cost_after(change).unwrap();
        let [unpriced] = &cost.unpriced[..] else { panic!("{:?}", cost.unpriced) };
        writeln!(table, "{:?} {}: {}", unpriced.place, unpriced.name, unpriced.reason).unwrap();
        assert!(!cost.exact);
        assert_eq!((cost.macs, cost.file_order.peak), (without(unknown), whole.file_order.peak));
        assert!(unknown.iter().all(|&operator| cost.operators[operator].macs.is_none()));
    };
    let file = written_file();
    let model = Model::read(&file).unwrap();
    let tensor = model.find_tensor("op1_Conv2D").unwrap();
    let uses = |operator: &usize| {
        let operator = &model.operators[*operator];
        operator.inputs.contains(&Some(tensor)) || operator.outputs.contains(&tensor)
    };
    let users: Vec<usize> = (0..model.operators.len()).filter(uses).collect();
    check(|model| model.operators[2].kind = OperatorKind::Custom("Sonar".into()), &[2]);
    check(|model| model.operators[2].inputs.truncate(1), &[2]);
    check(|model| model.tensors[6].shape_signature = vec![1, -1, 7, 4], &users);
    // Of a tensor without a size the memory is missing too.
    let last = whole.operators.len() - 1;
    let sizes = |cost: &ModelCost| cost.file_order.steps.iter().map(|step| step.bytes).sum::<u64>();
    let cost = cost_after(|model| {
        let output = model.outputs[0];
        model.tensors[output.index()].shape = vec![1, -1];
    })
    .unwrap();
    assert_eq!((cost.macs, cost.operators[last].macs), (without(&[last]), None));
    assert_eq!(sizes(&cost), sizes(&whole) - 3);
    expect![[r#"
        Operator(2) custom operator "Sonar": a custom operator: its multiply-accumulates are not counted
        Operator(2) CONV_2D: it lacks an input or attribute, or they do not fit together
        Tensor(6) op1_Conv2D: the shape [1, -1, 7, 4] is not fixed; [1, 8, 7, 4] is counted
    "#]]
    .assert_eq(&table);
}

/// A custom operator may have tensors of its own to work in, which nothing writes: they are there while it runs.
#[test]
fn tensors_that_a_custom_operator_works_in_are_counted_with_it() {
    let whole = cost_after(|_| {}).unwrap();
    let change = |kind: Option<OperatorKind>| {
        move |model: &mut Model<'_>| {
            let mut scratch = model.tensors[3].clone();
            (scratch.name, scratch.shape) = ("scratch".into(), vec![5000]);
            model.tensors.push(scratch);
            let scratch = model.find_tensor("scratch").unwrap();
            model.operators[2].inputs.push(Some(scratch));
            model.operators[2].kind = kind.clone().unwrap_or(model.operators[2].kind.clone());
        }
    };
    let cost = cost_after(change(Some(OperatorKind::Custom("Sonar".into())))).unwrap();
    for (index, (with, without)) in cost.file_order.steps.iter().zip(&whole.file_order.steps).enumerate() {
        assert_eq!(with.bytes - without.bytes, if index == 2 { 5000 } else { 0 });
    }
    let error = cost_after(change(None)).unwrap_err().to_string();
    assert!(error.contains("which no operator before it writes"), "{error}");
}

/// State that lives from one inference to the next is there at every step, in every order.
#[test]
fn variables_are_alive_at_every_step() {
    let whole = cost_after(|_| {}).unwrap();
    assert!(whole.exact && whole.unpriced.is_empty());
    let stateful = cost_after(|model| {
        let mut state = model.tensors[3].clone();
        (state.name, state.shape, state.is_variable) = ("state".into(), vec![1, 100], true);
        model.tensors.push(state);
        let state = model.find_tensor("state").unwrap();
        model.operators[1].inputs.push(Some(state));
    })
    .unwrap();
    assert_eq!(stateful.file_order.peak, whole.file_order.peak + 100);
    assert_eq!(stateful.peak_memory, whole.peak_memory + 100);
    assert_eq!(stateful.peak_memory_with_input, whole.peak_memory_with_input + 100);
    assert!(
        stateful.file_order.steps.iter().zip(&whole.file_order.steps).all(|(a, b)| a.bytes == b.bytes + 100)
    );
}

/// What a file takes in rows is what its network takes.
#[test]
fn a_file_takes_in_rows_what_its_network_takes() {
    let (mut compared, mut smaller) = (0, 0);
    for graph in random_graphs(120, 17) {
        let order: Vec<OpId> = graph.ops().map(|(op, _)| op).collect();
        let case = case(&graph, Ranges::Calibrated, 1, &mut ChaCha8Rng::seed_from_u64(2));
        let file = file_of(&case, &order);
        let model = Model::read(&file).unwrap();
        // Padding before an Add and further terms are operators of their own in a file.
        if model.operators.len() != order.len() {
            continue;
        }
        let peak = |input| peak_memory(&graph, MemoryModel { runtime: Runtime::Streamed, input });
        let cost = model.cost().unwrap();
        let StreamedMemory { peak_memory, peak_memory_with_input, in_rows } = cost.streamed.unwrap();
        assert_eq!(
            [peak_memory, peak_memory_with_input],
            [NetworkInput::External, NetworkInput::Rows].map(peak),
            "{graph}"
        );
        compared += 1;
        smaller += usize::from(in_rows > 0 && peak_memory < cost.peak_memory);
    }
    assert!(compared > 50 && smaller > 30, "{compared} networks, {smaller} smaller in rows");
}

#[test]
fn what_stands_against_rows_is_said() {
    let streamed = |change: &dyn Fn(&mut Model<'_>)| cost_after(change).unwrap().streamed;
    let whole = streamed(&|_| {}).unwrap();
    assert!(whole.in_rows > 5, "{whole:?}");
    // What does not work in rows runs in full between parts that do.
    let custom = streamed(&|model| model.operators[2].kind = OperatorKind::Custom("Sonar".into())).unwrap();
    assert!(custom.peak_memory > whole.peak_memory && custom.in_rows < whole.in_rows, "{custom:?}");
    let reason = |change: fn(&mut Model<'_>)| streamed(&change).unwrap_err();
    let reasons = [
        reason(|model| model.tensors[6].shape_signature = vec![1, -1, 7, 4]),
        reason(|model| {
            let mut second = model.tensors[3].clone();
            second.name = "second".into();
            model.tensors.push(second);
            let second = model.find_tensor("second").unwrap();
            model.operators[1].outputs.push(second);
        }),
        reason(|model| {
            let mut second = model.tensors[0].clone();
            second.name = "second".into();
            model.tensors.push(second);
            model.inputs.push(model.find_tensor("second").unwrap());
        }),
        reason(|model| model.outputs.push(model.operators[0].outputs[0])),
        reason(|model| model.outputs[0] = model.operators[0].outputs[0]),
        reason(|model| {
            model.operators[6].inputs.remove(1);
        }),
        reason(|model| {
            model.tensors[3].is_variable = true;
        }),
    ];
    expect![[r#"
        the size of tensor 6 is not known
        operator 2 CONV_2D has several outputs
        it has 2 inputs
        it has 2 outputs
        its output is not that of its last operator
        it has a tensor that nothing reads
        it keeps state from one inference to the next"#]]
    .assert_eq(&reasons.join("\n"));
}
