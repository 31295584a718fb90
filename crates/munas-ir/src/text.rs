//! The text form of a graph, one operator per line, for people and for snapshot tests.

use std::fmt;

use crate::{ConvAttributes, Graph, Op, Padding, PoolKind, Window};

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind_name())?;
        match *self {
            Self::Conv2d { attributes, .. } | Self::DepthwiseConv2d(attributes) => {
                let ConvAttributes { kernel, stride, padding, batch_norm, .. } = attributes;
                write!(f, " {kernel}")?;
                if stride != Window::square(1) {
                    write!(f, " stride {stride}")?;
                }
                if padding == Padding::Same {
                    f.write_str(" same")?;
                }
                if batch_norm {
                    f.write_str(" bn")?;
                }
            }
            Self::Pool { kind: PoolKind::Max, window } => write!(f, " max {window}")?,
            Self::Pool { kind: PoolKind::Avg, window } => write!(f, " avg {window}")?,
            Self::Add | Self::Dense { .. } => {}
        }
        let activation = self.activation();
        if activation.is_identity() { Ok(()) } else { write!(f, " {}", activation.name()) }
    }
}

/// `t1 = Conv2D 3x3 stride 2x2 bn relu (t0) -> 13x13x4`; the first line is the input.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "t0 = input -> {}", self.input_shape())?;
        for (op, node) in self.ops() {
            let inputs: Vec<String> = node.inputs.iter().map(|t| format!("t{}", t.index())).collect();
            let shape = self.output_shape(op);
            writeln!(f, "t{} = {} ({}) -> {shape}", op.output().index(), node.op, inputs.join(", "))?;
        }
        Ok(())
    }
}
