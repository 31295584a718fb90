//! A model as execution in rows sees it: which rows of its input an operator reads for a row of its output.
//!
//! | operator | a row of its output takes |
//! |---|---|
//! | convolutions | the rows of the kernel, by stride, dilation and padding |
//! | poolings | the same; without overlap, a row of maxima or of 32-bit sums |
//! | means, sums and maxima over height and width | 32-bit sums or maxima of the channels |
//! | element by element, concatenation of channels | the same row of each input |
//! | fully connected | all rows; in 32-bit sums of its units, where they take less than its input |
//! | padding | a row, shifted |
//! | reshapes that leave the rows as they are | nothing: the tensor is the same |
//! | all others | does not work in rows |
//!
//! Rows are those of the height, or of the width where no tensor has any height.

use munas_cost::{
    NetworkInput, RowFlow, RowOperator, RowTensor, RowWindow, RowWork, choose_schedule, price_schedule,
};
use munas_ir::TensorId;
use rustc_hash::{FxHashMap, FxHashSet};

use super::model::{Operator, OperatorKind, TensorIndex, WindowOptions};
use super::schema::BuiltinOperator as Code;
use super::sizes::SizedModel;

/// Most rows of all tensors, and most operators times rows: more would take long to price.
const MOST_ROWS: u64 = 1 << 22;
const MOST_WORK: u64 = 1 << 26;

/// Peak memory of a model that is executed in rows where that takes less, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamedMemory {
    /// Without the input.
    pub peak_memory: u64,
    /// With the rows of the input that are kept.
    pub peak_memory_with_input: u64,
    /// Operators that run in rows, with the input in rows.
    pub in_rows: usize,
}

/// The figures; the reason in words, if there are none.
pub(super) fn streamed(sized: &SizedModel<'_, '_>) -> Result<StreamedMemory, String> {
    let flow = RowsBuilder::new(sized)?.build()?;
    let price = |input| {
        let schedule = choose_schedule(&flow, input);
        let peak = price_schedule(&flow, &schedule).peak;
        let in_rows = schedule.parts.iter().filter(|part| part.execution == munas_cost::Execution::Rows);
        (peak, in_rows.map(|part| part.ops.len()).sum())
    };
    let (peak_memory, _) = price(NetworkInput::External);
    let (peak_memory_with_input, in_rows) = price(NetworkInput::Rows);
    Ok(StreamedMemory { peak_memory, peak_memory_with_input, in_rows })
}

struct RowsBuilder<'p> {
    sized: &'p SizedModel<'p, 'p>,
    /// Position of height and width in a shape of four dimensions, the one of the rows first.
    axes: [usize; 2],
    /// The rows of tensors that a reshape leaves as they are: each by the first of them.
    same: FxHashMap<TensorIndex, TensorIndex>,
    /// For each first of them, how many rows they have.
    rows: FxHashMap<TensorIndex, usize>,
}

impl<'p> RowsBuilder<'p> {
    fn new(sized: &'p SizedModel<'p, 'p>) -> Result<Self, String> {
        let model = sized.model;
        let mut heights = Vec::new();
        for tensor in model
            .operators
            .iter()
            .flat_map(|operator| operator.inputs.iter().flatten().chain(&operator.outputs))
        {
            if sized.size(*tensor).unknown.is_some() {
                return Err(format!("the size of tensor {} is not known", tensor.index()));
            }
            if sized.is_variable(*tensor) {
                return Err("it keeps state from one inference to the next".to_owned());
            }
            if !sized.is_constant(*tensor)
                && let [_, height, _, _] = sized.size(*tensor).dimensions[..]
            {
                heights.push(height);
            }
        }
        let axes = if heights.iter().all(|height| *height == 1) { [2, 1] } else { [1, 2] };
        let mut builder = Self { sized, axes, same: FxHashMap::default(), rows: FxHashMap::default() };
        builder.find_reshapes();
        Ok(builder)
    }

    fn is_activation(&self, tensor: TensorIndex) -> bool {
        !self.sized.is_constant(tensor)
    }

    /// The tensors that an operator reads, each once, without constants.
    fn reads(&self, operator: &Operator) -> Vec<TensorIndex> {
        let mut reads = Vec::new();
        for &tensor in operator.inputs.iter().flatten().filter(|tensor| self.is_activation(**tensor)) {
            if !reads.contains(&tensor) {
                reads.push(tensor);
            }
        }
        reads
    }

    /// The rows of a shape; `None` if it does not consist of any.
    fn shape_rows(&self, tensor: TensorIndex) -> Option<u64> {
        match self.sized.size(tensor).dimensions[..] {
            [1, _, _, _] => Some(self.sized.size(tensor).dimensions[self.axes[0]]),
            [1, rows, _] => Some(rows),
            _ => None,
        }
    }

    fn first(&self, tensor: TensorIndex) -> TensorIndex {
        self.same.get(&tensor).copied().unwrap_or(tensor)
    }

    /// Finds the reshapes whose result has the rows of their input, or one of the two has none.
    fn find_reshapes(&mut self) {
        for operator in &self.sized.model.operators {
            for &tensor in operator.inputs.iter().flatten().chain(&operator.outputs) {
                let first = self.first(tensor);
                let rows = self.shape_rows(tensor).unwrap_or(1) as usize;
                self.rows.entry(first).or_insert(rows);
            }
            let (Some(&from), [to]) = (self.reads(operator).first(), &operator.outputs[..]) else { continue };
            let is_reshape = matches!(
                operator.kind,
                OperatorKind::Builtin(Code::RESHAPE | Code::SQUEEZE | Code::EXPAND_DIMS)
            );
            let (first, size) = (self.first(from), self.sized.size(*to));
            let before = self.rows[&first];
            let after = self.shape_rows(*to).unwrap_or(1) as usize;
            let is_same = before == after || before == 1 || after == 1;
            let has_rows = size.bytes.is_multiple_of(before.max(after) as u64);
            if is_reshape && is_same && has_rows && self.sized.size(from).bytes == size.bytes {
                self.same.insert(*to, first);
                self.rows.insert(first, before.max(after));
            }
        }
    }

    fn row_tensor(&self, tensor: TensorIndex) -> RowTensor {
        let bytes = self.sized.size(tensor).bytes;
        let rows = self.rows.get(&self.first(tensor)).copied().unwrap_or(1).max(1);
        RowTensor { rows, row_bytes: bytes.div_ceil(rows as u64) }
    }

    fn build(self) -> Result<RowFlow, String> {
        let model = self.sized.model;
        let mut inputs: Vec<TensorIndex> =
            model.inputs.iter().copied().filter(|input| self.is_activation(*input)).collect();
        inputs.dedup();
        let [input] = inputs[..] else { return Err(format!("it has {} inputs", inputs.len())) };
        let [output] = model.outputs[..] else {
            return Err(format!("it has {} outputs", model.outputs.len()));
        };
        self.check_extent()?;
        let mut flow = RowFlow::new(self.row_tensor(input));
        let mut places = FxHashMap::from_iter([(self.first(input), TensorId::INPUT)]);
        let mut read = FxHashSet::default();
        let mut last = TensorId::INPUT;
        for (index, operator) in model.operators.iter().enumerate() {
            let problem = |problem: &str| format!("operator {} {} {problem}", index + 1, operator.kind);
            let [written] = operator.outputs[..] else { return Err(problem("has several outputs")) };
            let reads = self.reads(operator);
            let inputs: Option<Vec<TensorId>> =
                reads.iter().map(|tensor| places.get(&self.first(*tensor)).copied()).collect();
            let inputs = inputs.filter(|inputs| !inputs.is_empty());
            let mut inputs =
                inputs.ok_or_else(|| problem("reads nothing that an operator before it writes"))?;
            if self.same.contains_key(&written) {
                continue;
            }
            read.extend(inputs.iter().copied());
            inputs.dedup();
            let (window, work) = self.work(operator, &reads, written);
            let may_overwrite = operator.kind == OperatorKind::Builtin(Code::ADD);
            last = flow.push(RowOperator { inputs, window, work, may_overwrite }, self.row_tensor(written));
            places.insert(written, last);
        }
        if last == TensorId::INPUT || places.get(&self.first(output)) != Some(&last) {
            return Err("its output is not that of its last operator".to_owned());
        }
        let unread = (0..last.index()).find(|tensor| !read.contains(&TensorId::new(*tensor)));
        unread.map_or(Ok(flow), |_| Err("it has a tensor that nothing reads".to_owned()))
    }

    /// Refuses what would take long.
    fn check_extent(&self) -> Result<(), String> {
        let operators = &self.sized.model.operators;
        let rows = operators.iter().flat_map(|operator| &operator.outputs);
        let rows: u64 = rows.map(|tensor| self.row_tensor(*tensor).rows as u64).sum();
        if rows > MOST_ROWS || rows * operators.len() as u64 > MOST_WORK {
            return Err(format!(
                "its {} operators make {rows} rows, which is too many to count",
                operators.len()
            ));
        }
        Ok(())
    }

    /// What an operator reads for a row, and how it works.
    fn work(&self, operator: &Operator, reads: &[TensorIndex], output: TensorIndex) -> (RowWindow, RowWork) {
        let OperatorKind::Builtin(code) = operator.kind else { return WHOLE };
        let found = match code {
            Code::CONV_2D | Code::DEPTHWISE_CONV_2D => self.convolution(operator, reads, output),
            Code::AVERAGE_POOL_2D | Code::MAX_POOL_2D => self.pooling(operator, code, reads, output),
            Code::MEAN | Code::SUM | Code::REDUCE_MAX => self.reduction(operator, code, reads, output),
            Code::FULLY_CONNECTED => self.fully_connected(operator, reads, output),
            Code::PAD | Code::PADV2 => self.padding(operator, reads, output),
            Code::CONCATENATION => self.has_rows_of(reads, output, true).then_some(BY_ROW),
            code if is_elementwise(code) => self.has_rows_of(reads, output, false).then_some(BY_ROW),
            _ => None,
        };
        found.unwrap_or(WHOLE)
    }

    /// Whether all inputs have the dimensions of the output, its last one (the channels) left out if they may differ.
    fn has_rows_of(&self, reads: &[TensorIndex], output: TensorIndex, channels_differ: bool) -> bool {
        let of = self.sized.size(output);
        let compared = of.dimensions.len() - usize::from(channels_differ && !of.dimensions.is_empty());
        reads.iter().all(|tensor| {
            let dimensions = &self.sized.size(*tensor).dimensions;
            dimensions.len() == of.dimensions.len()
                && dimensions[..compared] == of.dimensions[..compared]
                && self.row_tensor(*tensor).rows == self.row_tensor(output).rows
        })
    }

    /// The window along the rows, if the output has as many as it gives.
    fn window(
        &self,
        options: &WindowOptions,
        size: u64,
        input: TensorIndex,
        output: TensorIndex,
    ) -> Option<RowWindow> {
        let axis = self.axes[0] - 1;
        let stride = u64::try_from(options.stride[axis]).ok().filter(|stride| *stride > 0)?;
        let dilation = u64::try_from(options.dilation[axis]).ok().filter(|dilation| *dilation > 0)?;
        let kernel = size.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
        let [rows, made] = [input, output].map(|tensor| self.shape_rows(tensor));
        let [rows, made] = [rows?, made?];
        let has_rows = [(input, rows), (output, made)];
        if has_rows.iter().any(|(tensor, rows)| self.row_tensor(*tensor).rows as u64 != *rows) {
            return None;
        }
        let (expected, before) = match options.padding {
            SAME => {
                let made = rows.div_ceil(stride);
                (made, ((made - 1) * stride).saturating_add(kernel).saturating_sub(rows) / 2)
            }
            _ => (rows.checked_sub(kernel)? / stride + 1, 0),
        };
        let [kernel, stride, before] = [kernel, stride, before].map(|count| usize::try_from(count).ok());
        (made == expected).then_some(RowWindow { kernel: kernel?, stride: stride?, before: before? })
    }

    fn convolution(
        &self,
        operator: &Operator,
        reads: &[TensorIndex],
        output: TensorIndex,
    ) -> Option<(RowWindow, RowWork)> {
        let [input] = reads[..] else { return None };
        let weights = (*operator.inputs.get(1)?)?;
        let [_, height, width, _] = self.sized.size(weights).dimensions[..] else { return None };
        let size = [height, width][self.axes[0] - 1];
        Some((self.window(&operator.options.window?, size, input, output)?, RowWork::Window))
    }

    fn pooling(
        &self,
        operator: &Operator,
        code: Code,
        reads: &[TensorIndex],
        output: TensorIndex,
    ) -> Option<(RowWindow, RowWork)> {
        let ([input], options) = (reads, operator.options.window?) else { return None };
        let size = u64::try_from(options.size[self.axes[0] - 1]).ok()?;
        let window = self.window(&options, size, *input, output)?;
        let work = match code {
            // What overlaps is read more than once.
            _ if window.kernel > window.stride => RowWork::Window,
            Code::MAX_POOL_2D => RowWork::Maxima,
            _ if window.kernel == 1 => RowWork::Sums(0),
            _ => RowWork::Sums(4 * self.sized.size(output).elements / self.row_tensor(output).rows as u64),
        };
        Some((window, work))
    }

    /// A reduction to the channels.
    fn reduction(
        &self,
        operator: &Operator,
        code: Code,
        reads: &[TensorIndex],
        output: TensorIndex,
    ) -> Option<(RowWindow, RowWork)> {
        let ([input], Some(&Some(axes))) = (reads, operator.inputs.get(1)) else { return None };
        let (from, to) = (self.sized.size(*input), self.sized.size(output));
        let axes: FxHashSet<usize> = self
            .integers(axes)?
            .into_iter()
            .filter_map(|axis| {
                usize::try_from(if axis < 0 { axis + from.dimensions.len() as i64 } else { axis }).ok()
            })
            .collect();
        let (channels, places) = from.dimensions.split_last()?;
        let is_reduced = |(axis, size): (usize, &u64)| *size == 1 || axes.contains(&axis);
        if to.elements != *channels
            || axes.contains(&places.len())
            || !places.iter().enumerate().all(is_reduced)
        {
            return None;
        }
        let window = RowWindow { kernel: self.row_tensor(*input).rows, ..RowWindow::ROW };
        let work = if code == Code::REDUCE_MAX { RowWork::Maxima } else { RowWork::Sums(4 * channels) };
        (self.row_tensor(output).rows == 1).then_some((window, work))
    }

    fn fully_connected(
        &self,
        operator: &Operator,
        reads: &[TensorIndex],
        output: TensorIndex,
    ) -> Option<(RowWindow, RowWork)> {
        let ([input], Some(&Some(weights))) = (reads, operator.inputs.get(1)) else { return None };
        let [units, features] = self.sized.size(weights).dimensions[..] else { return None };
        let (read, rows) = (self.sized.size(*input), self.row_tensor(*input));
        if read.elements != features || self.row_tensor(output).rows != 1 {
            return None;
        }
        let window = RowWindow { kernel: rows.rows, ..RowWindow::ROW };
        let work =
            if 4 * units + rows.row_bytes < read.bytes { RowWork::Sums(4 * units) } else { RowWork::Window };
        Some((window, work))
    }

    /// Constants around the tensor: a row of them is made from nothing.
    fn padding(
        &self,
        operator: &Operator,
        reads: &[TensorIndex],
        output: TensorIndex,
    ) -> Option<(RowWindow, RowWork)> {
        let ([input], Some(&Some(paddings))) = (reads, operator.inputs.get(1)) else { return None };
        let [rows, made] = [self.shape_rows(*input)?, self.shape_rows(output)?];
        let axis = if self.sized.size(*input).dimensions.len() == 4 { self.axes[0] } else { 1 };
        let (before, after) =
            (*self.integers(paddings)?.get(2 * axis)?, *self.integers(paddings)?.get(2 * axis + 1)?);
        let [before, after] = [before, after].map(|count| u64::try_from(count).ok());
        let has_rows = [(*input, rows), (output, made)];
        let is_row = has_rows.iter().all(|(tensor, rows)| self.row_tensor(*tensor).rows as u64 == *rows);
        let is_made = rows.checked_add(before?)?.checked_add(after?)? == made;
        let window = RowWindow { before: usize::try_from(before?).ok()?, ..RowWindow::ROW };
        (is_row && is_made).then_some((window, RowWork::Window))
    }

    /// The numbers of a constant of 32 or 64 bits.
    fn integers(&self, tensor: TensorIndex) -> Option<Vec<i64>> {
        let data = &self.sized.model.tensor(tensor).data;
        let elements = usize::try_from(self.sized.size(tensor).elements).ok()?;
        let (fours, rest) = data.as_chunks::<4>();
        if rest.is_empty() && fours.len() == elements {
            return Some(fours.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes))).collect());
        }
        let (eights, rest) = data.as_chunks::<8>();
        (rest.is_empty() && eights.len() == elements)
            .then(|| eights.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    }
}

/// The schema's padding that keeps the size, divided by the stride.
const SAME: i8 = 0;
const WHOLE: (RowWindow, RowWork) = (RowWindow::ROW, RowWork::Whole);
const BY_ROW: (RowWindow, RowWork) = (RowWindow::ROW, RowWork::Window);

fn is_elementwise(code: Code) -> bool {
    matches!(
        code,
        Code::ADD
            | Code::ADD_N
            | Code::SUB
            | Code::MUL
            | Code::DIV
            | Code::MAXIMUM
            | Code::MINIMUM
            | Code::SQUARED_DIFFERENCE
            | Code::PRELU
            | Code::RELU
            | Code::RELU_N1_TO_1
            | Code::RELU6
            | Code::RELU_0_TO_1
            | Code::LEAKY_RELU
            | Code::ELU
            | Code::GELU
            | Code::HARD_SWISH
            | Code::LOGISTIC
            | Code::TANH
            | Code::ABS
            | Code::NEG
            | Code::EXP
            | Code::LOG
            | Code::SQRT
            | Code::RSQRT
            | Code::SQUARE
            | Code::ROUND
            | Code::QUANTIZE
            | Code::DEQUANTIZE
            | Code::CAST
    )
}

#[cfg(test)]
mod tests;
