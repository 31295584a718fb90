//! The kernel of each operator and the shapes it is called with.

use munas_cost::RowWork;
use munas_ir::{KernelLayout, Op, OpId, PoolKind, Shape, Window};
use munas_quant::QuantisedNetwork;

use super::{CError, linear::Linear};

/// Bytes on the stack for each word of a gathered patch: the bytes of one position, and the pairs of two.
pub(super) const STACK_BYTES_PER_PATCH_WORD: usize = 20;
/// The longest patch that is gathered where it need not be.
const LONGEST_PATCH_WORDS: usize = 128;
/// The shortest row of a kernel, in elements, that can be read as words where it lies.
const SHORTEST_DIRECT_ROW: usize = 4;

/// The kernel that computes an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Convolution; with the DSP extension, of patches gathered on the stack.
    ConvolveGathered,
    /// Convolution; with the DSP extension, of elements where they lie.
    ConvolveDirect,
    Depthwise,
    /// Dense, and convolution with a kernel that covers the input.
    Dense,
    PoolMax,
    PoolAverage,
    Add,
    /// In rows of odd width: as [`Kernel::ConvolveGathered`], but for the last position.
    ConvolveOddRow,
    /// In rows: takes up a row of the input in the sums of all units.
    DenseRow,
    /// In rows: takes up a row of the input in maxima.
    PoolMaxRow,
    /// In rows: takes up a row of the input in sums.
    PoolAverageRow,
}

impl Kernel {
    /// The C function; an Add has one of its own.
    pub(super) const fn function(self) -> &'static str {
        match self {
            Self::ConvolveGathered => "munas_convolve_gathered",
            Self::ConvolveDirect => "munas_convolve_direct",
            Self::Depthwise => "munas_convolve_depthwise",
            Self::Dense => "munas_dense",
            Self::PoolMax => "munas_pool_max",
            Self::PoolAverage => "munas_pool_average",
            Self::Add => "munas_add",
            Self::ConvolveOddRow => "munas_convolve_odd_row",
            Self::DenseRow => "munas_dense_row",
            Self::PoolMaxRow => "munas_pool_max_row",
            Self::PoolAverageRow => "munas_pool_average_row",
        }
    }
}

/// An operator as it is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    pub kernel: Kernel,
    pub input: Shape,
    pub output: Shape,
    pub window: Window,
    pub stride: Window,
    /// Rows above and columns left of the input.
    pub padding: Window,
    pub linear: Option<Linear>,
    /// Whether it is executed row by row.
    pub in_rows: bool,
}

impl Layer {
    pub(super) fn new(network: &QuantisedNetwork, op: OpId) -> Result<Self, CError> {
        let graph = network.graph();
        let unit = Window::square(1);
        let (input, output) = (graph.first_input_shape(op), graph.output_shape(op));
        let windows = graph.windows(op);
        let is_padded = windows.is_some_and(|windows| windows.are_padded());
        let parameters = network.layer(op).linear().zip(KernelLayout::of(graph, op));
        let linear = parameters.map(|(layer, layout)| Linear::new(layer, layout, is_padded));
        let mut layer = Self {
            kernel: Kernel::Add,
            input,
            output,
            window: unit,
            stride: unit,
            padding: Window::square(0),
            linear,
            in_rows: false,
        };
        match graph.node(op).op {
            Op::Conv2d { .. } | Op::DepthwiseConv2d { .. } | Op::Pool { .. } => {
                let windows = windows.expect("the operator has windows");
                (layer.window, layer.stride, layer.padding) =
                    (windows.kernel, windows.stride, windows.before);
            }
            Op::Dense { .. } => layer.input = Shape::flat(input.elements()),
            Op::Add => {}
        }
        layer.kernel = match graph.node(op).op {
            Op::Conv2d { .. } => layer.convolution(is_padded),
            Op::DepthwiseConv2d { .. } => Kernel::Depthwise,
            Op::Dense { .. } => Kernel::Dense,
            Op::Pool { kind: PoolKind::Max, .. } => Kernel::PoolMax,
            Op::Pool { kind: PoolKind::Avg, .. } => Kernel::PoolAverage,
            Op::Add => Kernel::Add,
        };
        layer.check_sizes(op, graph.node(op).op.kind_name())?;
        Ok(layer)
    }

    /// The same operator in a part that is executed in rows, where it works so.
    pub(super) fn in_rows(self, work: RowWork) -> Self {
        let kernel = match (work, self.kernel) {
            (RowWork::Sums(1..), Kernel::Dense) => Kernel::DenseRow,
            (RowWork::Sums(1..), Kernel::PoolAverage) => Kernel::PoolAverageRow,
            (_, Kernel::ConvolveGathered) if self.output.width % 2 == 1 => Kernel::ConvolveOddRow,
            (RowWork::Maxima, Kernel::PoolMax) => Kernel::PoolMaxRow,
            (RowWork::Sums(_) | RowWork::Maxima | RowWork::Window | RowWork::Whole, kernel) => kernel,
        };
        Self { kernel, in_rows: true, ..self }
    }

    fn convolution(&self, is_padded: bool) -> Kernel {
        let covers_input = self.window == Window::new(self.input.height, self.input.width);
        let has_offset = self.linear.as_ref().is_some_and(|linear| linear.input_offset != 0);
        if is_padded || has_offset {
            Kernel::ConvolveGathered
        } else if covers_input {
            Kernel::Dense
        } else if self.kernel_len().div_ceil(4) > LONGEST_PATCH_WORDS
            && self.window.width * self.input.channels >= SHORTEST_DIRECT_ROW
        {
            Kernel::ConvolveDirect
        } else {
            Kernel::ConvolveGathered
        }
    }

    /// Elements that the kernel covers.
    pub(super) const fn kernel_len(&self) -> usize {
        self.window.area() * self.input.channels
    }

    /// Words of a gathered patch.
    pub(super) const fn patch_words(&self) -> usize {
        match self.kernel {
            Kernel::ConvolveGathered | Kernel::ConvolveOddRow => self.kernel_len().div_ceil(4),
            _ => 0,
        }
    }

    /// Bytes behind the weights that the last word of the last row reads.
    pub(super) const fn weights_slack(&self) -> usize {
        match self.kernel {
            Kernel::ConvolveGathered | Kernel::ConvolveOddRow => slack(self.kernel_len()),
            Kernel::ConvolveDirect => slack(self.window.width * self.input.channels),
            _ => 0,
        }
    }

    /// Bytes of the layer's tables: weights, and bias, mantissa and shift of each output.
    pub(super) fn table_bytes(&self) -> usize {
        const SCALE_BYTES: usize = 9;
        let bytes =
            |linear: &Linear| linear.weights.len() + self.weights_slack() + SCALE_BYTES * linear.biases.len();
        self.linear.as_ref().map_or(0, bytes)
    }

    /// The largest output, where it is below 127.
    pub(super) fn limit(&self) -> Option<i8> {
        self.linear.as_ref().map(|linear| linear.largest_output).filter(|&largest| largest < i8::MAX)
    }

    fn check_sizes(&self, op: OpId, kind: &'static str) -> Result<(), CError> {
        let sizes = [
            ("the input's height", self.input.height),
            ("the input's width", self.input.width),
            ("the number of input channels", self.input.channels),
            ("the output's height", self.output.height),
            ("the output's width", self.output.width),
            ("the number of output channels", self.output.channels),
            ("the kernel's height", self.window.height),
            ("the kernel's width", self.window.width),
            ("the vertical stride", self.stride.height),
            ("the horizontal stride", self.stride.width),
        ];
        match sizes.into_iter().find(|&(_, size)| size > usize::from(u16::MAX)) {
            Some((what, size)) => Err(CError::TooLarge { op: op.index(), kind, what, size }),
            None => Ok(()),
        }
    }
}

/// Bytes that fill the last word of so many.
const fn slack(bytes: usize) -> usize {
    bytes.next_multiple_of(4) - bytes
}
