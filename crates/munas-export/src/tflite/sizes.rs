//! The sizes of a model's tensors.

use super::{
    error::TfliteError,
    model::{Model, Tensor, TensorIndex},
};

/// Tensors of more bytes are refused: no device that the figures are for has them, and sums cannot overflow.
const LARGEST_TENSOR: u64 = 1 << 32;

/// A model with the sizes of its tensors.
pub(super) struct SizedModel<'m, 'a> {
    pub model: &'m Model<'a>,
    pub sizes: Vec<TensorSize>,
}

/// The size of a tensor.
#[derive(Clone, Debug, Default)]
pub(super) struct TensorSize {
    pub dimensions: Vec<u64>,
    pub elements: u64,
    pub bytes: u64,
    /// Why this may not be its size.
    pub unknown: Option<String>,
}

impl<'m, 'a> SizedModel<'m, 'a> {
    /// # Errors
    /// [`TfliteError::Tensor`] for a tensor of more bytes than any device has.
    pub fn new(model: &'m Model<'a>) -> Result<Self, TfliteError> {
        let sizes = model.tensors.iter().enumerate().map(|(index, tensor)| {
            tensor_size(tensor).map_err(|reason| TfliteError::Tensor {
                index,
                name: tensor.name.clone(),
                reason,
            })
        });
        Ok(Self { model, sizes: sizes.collect::<Result<_, TfliteError>>()? })
    }

    pub fn size(&self, tensor: TensorIndex) -> &TensorSize {
        &self.sizes[tensor.index()]
    }

    pub fn is_constant(&self, tensor: TensorIndex) -> bool {
        self.model.tensor(tensor).is_constant()
    }

    /// Whether the tensor keeps its content from one inference to the next.
    pub fn is_variable(&self, tensor: TensorIndex) -> bool {
        self.model.tensor(tensor).is_variable && !self.is_constant(tensor)
    }
}

/// The size of a tensor; the reason, if it is more than any device has.
fn tensor_size(tensor: &Tensor<'_>) -> Result<TensorSize, String> {
    let unknown = |reason: String| Ok(TensorSize { unknown: Some(reason), ..TensorSize::default() });
    let Some(bits) = tensor.element_type.bits() else {
        return unknown(format!("elements of type {} have no size", tensor.element_type));
    };
    let dimensions = tensor.shape.iter().map(|&size| u64::try_from(size).ok().filter(|size| *size > 0));
    let Some(dimensions) = dimensions.collect::<Option<Vec<u64>>>() else {
        return unknown(format!("the shape {:?} is not fixed", tensor.shape));
    };
    // Converters leave the batch open: the runtime takes it as it is in the shape, which is 1. It does so with the
    // others too.
    let is_open = tensor.shape_signature.iter().skip(1).any(|size| *size < 0);
    let (signature, shape) = (&tensor.shape_signature, &tensor.shape);
    let open = is_open.then(|| format!("the shape {signature:?} is not fixed; {shape:?} is counted"));
    let elements = dimensions.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    let bytes = elements.and_then(|elements| Some(elements.checked_mul(bits)?.div_ceil(8)));
    match (elements, bytes.filter(|bytes| *bytes <= LARGEST_TENSOR)) {
        (Some(elements), Some(bytes)) => Ok(TensorSize { dimensions, elements, bytes, unknown: open }),
        _ => Err(format!("the shape {dimensions:?} is too large")),
    }
}
