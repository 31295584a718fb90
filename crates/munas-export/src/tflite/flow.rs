//! The activations of a model as a [`Dataflow`], whose order can be chosen and priced.

use munas_cost::{Dataflow, FlowTensor, InputMemory, LiveTensor, MemoryRules, Read, Step, Timeline};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    error::TfliteError,
    model::{Operator, OperatorKind, TensorIndex},
    schema::BuiltinOperator,
    sizes::SizedModel,
};

/// A dataflow, and which tensors of the model its tensors are.
pub(super) struct NamedFlow {
    pub flow: Dataflow,
    tensors: Vec<TensorIndex>,
}

impl NamedFlow {
    pub(super) fn new(sized: &SizedModel<'_, '_>, rules: MemoryRules) -> Result<Self, TfliteError> {
        let mut builder = FlowBuilder::new(sized, rules);
        for (index, operator) in sized.model.operators.iter().enumerate() {
            builder.push(operator).map_err(|reason| refusal(index, operator, reason))?;
        }
        let FlowBuilder { mut flow, tensors, .. } = builder;
        let is_output: FxHashSet<TensorIndex> = sized.model.outputs.iter().copied().collect();
        for (position, tensor) in tensors.iter().enumerate() {
            if is_output.contains(tensor) || sized.is_variable(*tensor) {
                flow.keep(FlowTensor::new(position));
            }
        }
        Ok(Self { flow, tensors })
    }

    /// A timeline in terms of the model's tensors.
    pub(super) fn named(&self, timeline: Timeline<FlowTensor>) -> Timeline<TensorIndex> {
        let name = |tensor: FlowTensor| self.tensors[tensor.index()];
        let steps = timeline.steps.into_iter().map(|Step { op, live, in_place, bytes }| {
            let live = live
                .into_iter()
                .map(|LiveTensor { tensor, bytes }| LiveTensor { tensor: name(tensor), bytes });
            Step { op, live: live.collect(), in_place: in_place.map(name), bytes }
        });
        Timeline { steps: steps.collect(), peak: timeline.peak }
    }
}

struct FlowBuilder<'p> {
    sized: &'p SizedModel<'p, 'p>,
    rules: MemoryRules,
    flow: Dataflow,
    /// For each tensor of the flow, the model's.
    tensors: Vec<TensorIndex>,
    /// The model's inputs, constants left out.
    inputs: FxHashSet<TensorIndex>,
    /// The tensors that some operator writes.
    written: FxHashSet<TensorIndex>,
    /// Where each tensor of the model is, once it is there; of an input with several copies, the next to be read.
    places: FxHashMap<TensorIndex, FlowTensor>,
}

impl<'p> FlowBuilder<'p> {
    fn new(sized: &'p SizedModel<'p, 'p>, rules: MemoryRules) -> Self {
        let model = sized.model;
        let mut is_input = FxHashSet::default();
        let mut inputs = model.inputs.clone();
        inputs.retain(|&input| !sized.is_constant(input) && is_input.insert(input));
        let tensors = match rules.input {
            InputMemory::NotCounted | InputMemory::Once => inputs,
            InputMemory::PerReader => {
                let reads = model.operators.iter().flat_map(|operator| operator.inputs.iter().flatten());
                let mut copies: Vec<TensorIndex> =
                    reads.copied().filter(|tensor| is_input.contains(tensor)).collect();
                copies.sort_unstable();
                copies
            }
        };
        // State is there before the first operator, and to the end.
        let reads = model.operators.iter().flat_map(|operator| operator.inputs.iter().flatten().copied());
        let mut variables: Vec<TensorIndex> =
            reads.filter(|tensor| sized.is_variable(*tensor) && !is_input.contains(tensor)).collect();
        variables.sort_unstable();
        variables.dedup();
        let tensors = [tensors, variables].concat();
        let bytes = |source: &TensorIndex| match rules.input {
            InputMemory::NotCounted if is_input.contains(source) => 0,
            _ => sized.size(*source).bytes,
        };
        let flow = Dataflow::new(tensors.iter().map(bytes));
        let mut places = FxHashMap::default();
        for (position, input) in tensors.iter().enumerate() {
            places.entry(*input).or_insert(FlowTensor::new(position));
        }
        let written = model.operators.iter().flat_map(|operator| operator.outputs.iter().copied()).collect();
        Self { sized, rules, flow, tensors, inputs: is_input, written, places }
    }

    /// Appends an operator; the reason, if its tensors are not what they must be.
    fn push(&mut self, operator: &Operator) -> Result<(), String> {
        let read = operator.inputs.iter().flatten().filter(|&&input| !self.sized.is_constant(input));
        let (scratch, read): (Vec<TensorIndex>, Vec<TensorIndex>) =
            read.copied().partition(|&tensor| self.is_scratch(operator, tensor));
        let mut reads = Vec::with_capacity(read.len());
        for input in read {
            let may_overwrite = self.may_overwrite(operator, input);
            let place = self.places.get_mut(&input);
            let place = place.ok_or_else(|| {
                format!("it reads tensor {}, which no operator before it writes", input.index())
            })?;
            reads.push(Read { tensor: *place, may_overwrite });
            if self.inputs.contains(&input) && self.rules.input == InputMemory::PerReader {
                *place = FlowTensor::new(place.index() + 1);
            }
        }
        // What is written to a variable has its place already.
        let outputs = operator.outputs.iter().filter(|&&output| !self.sized.is_variable(output));
        let written = outputs.chain(&scratch);
        let bytes = written.clone().map(|&output| self.sized.size(output).bytes);
        let first = self.flow.push(reads, bytes).index();
        for (offset, &output) in written.enumerate() {
            let place = FlowTensor::new(first + offset);
            if self.sized.is_constant(output) || self.places.insert(output, place).is_some() {
                return Err(format!("tensor {} is written twice", output.index()));
            }
            self.tensors.push(output);
        }
        Ok(())
    }

    /// Whether a tensor is one that a custom operator works in: nothing ever writes it. It is there while the first
    /// operator runs that names it, and as long as others do.
    fn is_scratch(&self, operator: &Operator, tensor: TensorIndex) -> bool {
        matches!(operator.kind, OperatorKind::Custom(_))
            && !self.written.contains(&tensor)
            && !self.places.contains_key(&tensor)
    }

    /// Whether the operator is an Add that may accumulate into this input.
    fn may_overwrite(&self, operator: &Operator, input: TensorIndex) -> bool {
        let has_shape_of = |output: &TensorIndex| {
            let (from, to) = (self.sized.size(input), self.sized.size(*output));
            from.dimensions == to.dimensions && from.bytes == to.bytes
        };
        self.rules.in_place_add
            && operator.kind == OperatorKind::Builtin(BuiltinOperator::ADD)
            && (self.rules.input == InputMemory::Once || !self.inputs.contains(&input))
            && !self.sized.is_variable(input)
            && operator.outputs.first().is_some_and(has_shape_of)
    }
}

fn refusal(index: usize, operator: &Operator, reason: impl Into<String>) -> TfliteError {
    TfliteError::Operator { index, name: operator.kind.to_string(), reason: reason.into() }
}
