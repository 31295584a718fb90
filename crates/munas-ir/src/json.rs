//! The JSON form of a graph: what is stored beside trained weights. Versioned; converted explicitly.

use serde::{Deserialize, Serialize};

use crate::{
    Activation, ConvAttributes, Graph, GraphBuilder, GraphError, Op, Padding, PoolKind, Shape, TensorId,
    Window,
};

const VERSION: u32 = 1;

/// Why a graph could not be read from JSON.
#[derive(Debug, thiserror::Error)]
pub enum GraphJsonError {
    /// Not JSON, or not of the expected form.
    #[error("not a graph: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Written by a version of munas with another form.
    #[error("graph version {found}, this munas reads version {VERSION}")]
    Version {
        /// The number in the text.
        found: u32,
    },
    /// An operator has no activation, two, or one that this munas does not know.
    #[error("operator {op}: {problem}")]
    Activation {
        /// Position of the operator.
        op: usize,
        /// What is wrong.
        problem: String,
    },
    /// The operators do not form a valid graph.
    #[error("invalid graph: {0}")]
    Graph(#[from] GraphError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphRecord {
    version: u32,
    input: [usize; 3],
    ops: Vec<NodeRecord>,
}

#[derive(Serialize, Deserialize)]
struct NodeRecord {
    inputs: Vec<usize>,
    #[serde(flatten)]
    op: OpRecord,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum OpRecord {
    Conv2d {
        filters: usize,
        #[serde(flatten)]
        window: ConvRecord,
    },
    DepthwiseConv2d {
        #[serde(flatten)]
        window: ConvRecord,
    },
    MaxPool {
        window: [usize; 2],
    },
    AvgPool {
        window: [usize; 2],
    },
    Add,
    Dense {
        units: usize,
        #[serde(flatten)]
        activation: ActivationRecord,
    },
}

#[derive(Serialize, Deserialize)]
struct ConvRecord {
    kernel: [usize; 2],
    stride: [usize; 2],
    same: bool,
    batch_norm: bool,
    #[serde(flatten)]
    activation: ActivationRecord,
}

/// `relu: true` or `false`, which is how the first two activations are always written, or the name of any: `activation: "relu"`.
#[derive(Serialize, Deserialize)]
struct ActivationRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    relu: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<String>,
}

impl Graph {
    /// The graph as a JSON document.
    pub fn to_json(&self) -> String {
        let input = self.input_shape();
        let ops = self.nodes().iter().map(|node| NodeRecord {
            inputs: node.inputs.iter().map(|tensor| tensor.index()).collect(),
            op: OpRecord::from(node.op),
        });
        let record = GraphRecord {
            version: VERSION,
            input: [input.height, input.width, input.channels],
            ops: ops.collect(),
        };
        serde_json::to_string(&record).expect("a record of numbers and names is always valid JSON")
    }

    /// Reads what [`Graph::to_json`] wrote, validating it again.
    ///
    /// # Errors
    /// [`GraphJsonError`]: wrong syntax, another version, or operators that do not fit together.
    pub fn from_json(text: &str) -> Result<Self, GraphJsonError> {
        let record: GraphRecord = serde_json::from_str(text)?;
        if record.version != VERSION {
            return Err(GraphJsonError::Version { found: record.version });
        }
        let [height, width, channels] = record.input;
        let mut builder = GraphBuilder::new(Shape::new(height, width, channels))?;
        for (position, node) in record.ops.into_iter().enumerate() {
            if let Some(&tensor) = node.inputs.iter().find(|&&tensor| tensor > position) {
                return Err(GraphError::UnknownTensor { op: position, tensor }.into());
            }
            let inputs: Vec<TensorId> = node.inputs.into_iter().map(TensorId::new).collect();
            let op = node.op.op().map_err(|problem| GraphJsonError::Activation { op: position, problem })?;
            builder.push(op, &inputs)?;
        }
        Ok(builder.finish()?)
    }
}

fn pair(window: Window) -> [usize; 2] {
    [window.height, window.width]
}

fn window([height, width]: [usize; 2]) -> Window {
    Window::new(height, width)
}

impl From<Activation> for ActivationRecord {
    fn from(activation: Activation) -> Self {
        let relu = activation.relu_flag();
        Self { relu, activation: relu.is_none().then(|| activation.name().to_owned()) }
    }
}

impl ActivationRecord {
    fn activation(&self) -> Result<Activation, String> {
        match (self.relu, &self.activation) {
            (Some(relu), None) => Ok(Activation::from_relu_flag(relu)),
            (None, Some(name)) => {
                Activation::from_name(name).ok_or_else(|| format!("unknown activation {name:?}"))
            }
            (None, None) => Err("`relu` or `activation` is missing".into()),
            (Some(_), Some(_)) => Err("both `relu` and `activation` are given".into()),
        }
    }
}

impl From<ConvAttributes> for ConvRecord {
    fn from(attributes: ConvAttributes) -> Self {
        let ConvAttributes { kernel, stride, padding, batch_norm, activation } = attributes;
        let same = padding == Padding::Same;
        Self { kernel: pair(kernel), stride: pair(stride), same, batch_norm, activation: activation.into() }
    }
}

impl ConvRecord {
    fn attributes(&self) -> Result<ConvAttributes, String> {
        Ok(ConvAttributes {
            kernel: window(self.kernel),
            stride: window(self.stride),
            padding: if self.same { Padding::Same } else { Padding::Valid },
            batch_norm: self.batch_norm,
            activation: self.activation.activation()?,
        })
    }
}

impl From<Op> for OpRecord {
    fn from(op: Op) -> Self {
        match op {
            Op::Conv2d { filters, attributes } => Self::Conv2d { filters, window: attributes.into() },
            Op::DepthwiseConv2d(attributes) => Self::DepthwiseConv2d { window: attributes.into() },
            Op::Pool { kind: PoolKind::Max, window } => Self::MaxPool { window: pair(window) },
            Op::Pool { kind: PoolKind::Avg, window } => Self::AvgPool { window: pair(window) },
            Op::Add => Self::Add,
            Op::Dense { units, activation } => Self::Dense { units, activation: activation.into() },
        }
    }
}

impl OpRecord {
    /// The operator; what is wrong with its activation, if anything is.
    fn op(self) -> Result<Op, String> {
        Ok(match self {
            Self::Conv2d { filters, window } => Op::Conv2d { filters, attributes: window.attributes()? },
            Self::DepthwiseConv2d { window } => Op::DepthwiseConv2d(window.attributes()?),
            Self::MaxPool { window: size } => Op::Pool { kind: PoolKind::Max, window: window(size) },
            Self::AvgPool { window: size } => Op::Pool { kind: PoolKind::Avg, window: window(size) },
            Self::Add => Op::Add,
            Self::Dense { units, activation } => Op::Dense { units, activation: activation.activation()? },
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::{
        Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window,
    };

    fn example() -> Graph {
        let mut builder = GraphBuilder::new(Shape::new(9, 9, 1)).unwrap();
        let conv = |stride, batch_norm| Op::Conv2d {
            filters: 4,
            attributes: ConvAttributes {
                kernel: Window::square(3),
                stride: Window::square(stride),
                padding: Padding::Valid,
                batch_norm,
                activation: Activation::Relu,
            },
        };
        let a = builder.push(conv(2, true), &[TensorId::INPUT]).unwrap();
        let depthwise = Op::DepthwiseConv2d(ConvAttributes {
            kernel: Window::new(3, 1),
            stride: Window::square(1),
            padding: Padding::Same,
            batch_norm: false,
            activation: Activation::None,
        });
        let b = builder.push(depthwise, &[a]).unwrap();
        let sum = builder.push(Op::Add, &[a, b]).unwrap();
        let pool = builder.push(Op::Pool { kind: PoolKind::Avg, window: Window::square(2) }, &[sum]).unwrap();
        builder.push(Op::Dense { units: 10, activation: Activation::None }, &[pool]).unwrap();
        builder.finish().unwrap()
    }

    #[test]
    fn text_form() {
        expect![[r#"
            t0 = input -> 9x9x1
            t1 = Conv2D 3x3 stride 2x2 bn relu (t0) -> 4x4x4
            t2 = DWConv2D 3x1 same (t1) -> 4x4x4
            t3 = Add (t1, t2) -> 4x4x4
            t4 = Pool avg 2x2 (t3) -> 2x2x4
            t5 = Dense (t4) -> 1x1x10
        "#]]
        .assert_eq(&example().to_string());
    }

    #[test]
    fn json_round_trips() {
        let graph = example();
        assert_eq!(Graph::from_json(&graph.to_json()).unwrap(), graph);
    }

    #[test]
    fn the_first_activations_are_written_as_a_flag_and_read_by_name_too() {
        let written = example().to_json();
        assert!(written.contains(r#""batch_norm":true,"relu":true}"#), "{written}");
        assert!(written.contains(r#""units":10,"relu":false}"#), "{written}");
        let named = written
            .replace(r#""relu":true"#, r#""activation":"relu""#)
            .replace(r#""relu":false"#, r#""activation":"none""#);
        assert_eq!(Graph::from_json(&named).unwrap(), example());
    }

    #[test]
    fn other_activations_are_written_by_name() {
        let mut builder = GraphBuilder::new(Shape::flat(3)).unwrap();
        builder.push(Op::Dense { units: 2, activation: Activation::Relu6 }, &[TensorId::INPUT]).unwrap();
        let graph = builder.finish().unwrap();
        assert!(graph.to_string().contains("Dense relu6"), "{graph}");
        assert!(graph.to_json().contains(r#""units":2,"activation":"relu6"}"#), "{}", graph.to_json());
        assert_eq!(Graph::from_json(&graph.to_json()).unwrap(), graph);
    }

    #[test]
    fn bad_json_is_refused_with_its_reason() {
        let error = |text: &str| Graph::from_json(text).unwrap_err().to_string();
        assert!(error("{").starts_with("not a graph"));
        assert!(error(r#"{"version":7,"input":[1,1,1],"ops":[]}"#).contains("version 7"));
        let unknown = r#"{"version":1,"input":[1,1,1],"ops":[{"inputs":[0,99],"kind":"add"}]}"#;
        assert!(error(unknown).contains("tensor 99"));
        let dense = |activation: &str| {
            let op = format!(r#"{{"inputs":[0],"kind":"dense","units":2{activation}}}"#);
            error(&format!(r#"{{"version":1,"input":[1,1,1],"ops":[{op}]}}"#))
        };
        assert_eq!(dense(""), "operator 0: `relu` or `activation` is missing");
        assert_eq!(dense(r#","activation":"swish""#), "operator 0: unknown activation \"swish\"");
        assert!(dense(r#","relu":true,"activation":"none""#).contains("both"));
    }
}
