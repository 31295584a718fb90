//! The graph, its ids and its builder.

use crate::op::{Op, ShapeError};
use crate::shape::Shape;

/// An operator of a graph: its position in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(u32);

/// An activation tensor of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(u32);

impl OpId {
    /// The operator at `index` of the graph's nodes.
    pub fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a graph has fewer than 2^32 operators"))
    }

    /// The position in [`Graph::nodes`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The tensor that this operator produces.
    pub const fn output(self) -> TensorId {
        TensorId(self.0 + 1)
    }
}

impl TensorId {
    /// The network's input, which no operator produces.
    pub const INPUT: Self = Self(0);

    /// The tensor at `index` of the graph's tensors.
    pub fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a graph has fewer than 2^32 tensors"))
    }

    /// The position among the graph's tensors: 0 for the input, `i + 1` for the output of operator `i`.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The operator that produces this tensor; `None` for the network's input.
    pub const fn producer(self) -> Option<OpId> {
        match self.0 {
            0 => None,
            id => Some(OpId(id - 1)),
        }
    }
}

/// An operator with the tensors it reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// What is computed, with its attributes.
    pub op: Op,
    /// The tensors it reads, all produced before it.
    pub inputs: Vec<TensorId>,
}

/// Why a graph could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The operator cannot take these inputs.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The operator reads a tensor that does not exist yet.
    #[error("operator {op} reads tensor {tensor}, which is not produced before it")]
    UnknownTensor {
        /// Position of the operator.
        op: usize,
        /// Index of the tensor.
        tensor: usize,
    },
    /// A tensor is neither read by an operator nor the network's output.
    #[error("tensor {tensor} is never read")]
    DeadTensor {
        /// Index of the tensor.
        tensor: usize,
    },
    /// The input has no elements.
    #[error("the network's input has no elements ({0})")]
    EmptyInput(Shape),
}

/// A valid network graph with one input and one output: the last operator's tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Graph {
    shapes: Vec<Shape>,
    nodes: Vec<Node>,
}

impl Graph {
    /// The operators, in a valid execution order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The operators with their ids.
    pub fn ops(&self) -> impl ExactSizeIterator<Item = (OpId, &Node)> {
        self.nodes.iter().enumerate().map(|(index, node)| (OpId::new(index), node))
    }

    /// The operator with its inputs. Panics for an id of another graph that is past the end.
    pub fn node(&self, op: OpId) -> &Node {
        &self.nodes[op.index()]
    }

    /// The shapes of all tensors, indexed by [`TensorId::index`].
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The shape of one tensor.
    pub fn shape(&self, tensor: TensorId) -> Shape {
        self.shapes[tensor.index()]
    }

    /// The shape of the network's input.
    pub fn input_shape(&self) -> Shape {
        self.shapes[0]
    }

    /// The tensor that the network returns.
    pub fn output(&self) -> TensorId {
        TensorId::new(self.nodes.len())
    }

    /// The shape of what the operator produces.
    pub fn output_shape(&self, op: OpId) -> Shape {
        self.shape(op.output())
    }

    /// The shape of the operator's first (for all but Add: only) input.
    pub fn first_input_shape(&self, op: OpId) -> Shape {
        self.shape(self.node(op).inputs[0])
    }

    /// The same graph with `change` applied to every operator; `change` must keep the shapes.
    pub(crate) fn map_ops(&self, change: impl Fn(Op) -> Op) -> Self {
        let nodes = self.nodes.iter().map(|node| Node { op: change(node.op), inputs: node.inputs.clone() });
        Self { shapes: self.shapes.clone(), nodes: nodes.collect() }
    }

    /// For each tensor, the operators that read it (each once), in execution order.
    pub fn consumers(&self) -> Vec<Vec<OpId>> {
        let mut consumers = vec![Vec::new(); self.shapes.len()];
        for (op, node) in self.ops() {
            for tensor in &node.inputs {
                let readers: &mut Vec<OpId> = &mut consumers[tensor.index()];
                if readers.last() != Some(&op) {
                    readers.push(op);
                }
            }
        }
        consumers
    }

    /// For each tensor, a number that it shares with the tensors that must have the same channels: those that meet in an
    /// Add, and the input and output of a depthwise convolution or a pooling. The number is the index of one of them.
    pub fn coupled_channels(&self) -> Vec<usize> {
        let mut sets: Vec<usize> = (0..self.shapes.len()).collect();
        for (op, node) in self.ops() {
            if matches!(node.op, Op::Conv2d { .. } | Op::Dense { .. }) {
                continue;
            }
            for tensor in &node.inputs {
                let (from, to) = (sets[op.output().index()], sets[tensor.index()]);
                sets.iter_mut().filter(|set| **set == from).for_each(|set| *set = to);
            }
        }
        sets
    }
}

/// Builds a [`Graph`] operator by operator, inferring shapes on the way.
#[derive(Clone, Debug)]
pub struct GraphBuilder {
    graph: Graph,
}

impl GraphBuilder {
    /// A graph with only its input.
    ///
    /// # Errors
    /// [`GraphError::EmptyInput`] if the input has no elements.
    pub fn new(input: Shape) -> Result<Self, GraphError> {
        if input.elements() == 0 {
            return Err(GraphError::EmptyInput(input));
        }
        Ok(Self { graph: Graph { shapes: vec![input], nodes: Vec::new() } })
    }

    /// Appends an operator and returns its output.
    ///
    /// # Errors
    /// [`GraphError::UnknownTensor`], or [`GraphError::Shape`] if the operator cannot take these inputs.
    pub fn push(&mut self, op: Op, inputs: &[TensorId]) -> Result<TensorId, GraphError> {
        let position = self.graph.nodes.len();
        if let Some(unknown) = inputs.iter().find(|tensor| tensor.index() > position) {
            return Err(GraphError::UnknownTensor { op: position, tensor: unknown.index() });
        }
        let shape = match inputs {
            &[input] => op.output_shape(&[self.shape(input)])?,
            _ => {
                let shapes: Vec<Shape> = inputs.iter().map(|&tensor| self.shape(tensor)).collect();
                op.output_shape(&shapes)?
            }
        };
        self.graph.nodes.push(Node { op, inputs: inputs.to_vec() });
        self.graph.shapes.push(shape);
        Ok(self.graph.output())
    }

    /// The shape of a tensor made so far.
    pub fn shape(&self, tensor: TensorId) -> Shape {
        self.graph.shape(tensor)
    }

    /// The finished graph; its output is the last operator's tensor.
    ///
    /// # Errors
    /// [`GraphError::DeadTensor`] if a tensor other than the output is never read.
    pub fn finish(self) -> Result<Graph, GraphError> {
        let mut read = vec![false; self.graph.shapes.len()];
        for tensor in self.graph.nodes.iter().flat_map(|node| &node.inputs) {
            read[tensor.index()] = true;
        }
        read[self.graph.output().index()] = true;
        match read.iter().position(|&is_read| !is_read) {
            Some(tensor) => Err(GraphError::DeadTensor { tensor }),
            None => Ok(self.graph),
        }
    }
}

#[cfg(test)]
mod tests;
