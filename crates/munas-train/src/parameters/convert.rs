//! Conversion between the flat buffers and `munas_ir::Weights`.

use munas_ir::{BatchNorm, Graph, KernelLayout, LayerWeights, Weights};

use super::{ParameterLayout, Parameters};

impl Parameters {
    /// Takes over the values of `weights`, which belong to `graph`, as `layout` does.
    pub fn load(&mut self, graph: &Graph, layout: &ParameterLayout, weights: &Weights) {
        for (op, _) in graph.ops() {
            let (Some(ranges), Some(layer)) = (layout.layer(op), weights.layer(op)) else { continue };
            let order = KernelLayout::of(graph, op).expect("the operator has a kernel");
            order.channels_first(&layer.kernel, &mut self.trained[ranges.affine.kernel.clone()]);
            self.trained[ranges.affine.bias.clone()].copy_from_slice(&layer.bias);
            if let (Some(ranges), Some(norm)) = (&ranges.norm, &layer.batch_norm) {
                self.trained[ranges.gamma.clone()].copy_from_slice(&norm.gamma);
                self.trained[ranges.beta.clone()].copy_from_slice(&norm.beta);
                self.moving[ranges.mean.clone()].copy_from_slice(&norm.mean);
                self.moving[ranges.variance.clone()].copy_from_slice(&norm.variance);
            }
        }
    }

    /// The values as weights of `graph`, to which `layout` belongs.
    pub fn to_weights(&self, graph: &Graph, layout: &ParameterLayout) -> Weights {
        let layers = graph.ops().map(|(op, _)| {
            let ranges = layout.layer(op)?;
            let mut kernel = vec![0.0; ranges.affine.kernel.len()];
            KernelLayout::of(graph, op)?
                .channels_last(&self.trained[ranges.affine.kernel.clone()], &mut kernel);
            let batch_norm = ranges.norm.as_ref().map(|ranges| BatchNorm {
                gamma: self.trained[ranges.gamma.clone()].to_vec(),
                beta: self.trained[ranges.beta.clone()].to_vec(),
                mean: self.moving[ranges.mean.clone()].to_vec(),
                variance: self.moving[ranges.variance.clone()].to_vec(),
            });
            Some(LayerWeights { kernel, bias: self.trained[ranges.affine.bias.clone()].to_vec(), batch_norm })
        });
        Weights::new(graph, layers.collect()).expect("the layout was made from the same graph")
    }
}

#[cfg(test)]
mod tests {
    use munas_ir::{
        Activation, BatchNorm, ConvAttributes, GraphBuilder, LayerWeights, Op, Padding, Shape, TensorId,
        Weights, Window,
    };

    use crate::parameters::{ParameterLayout, Parameters};

    fn numbered(len: usize, from: f32) -> Vec<f32> {
        (0..len).map(|index| from + index as f32).collect()
    }

    #[test]
    fn kernels_change_layout_and_come_back() {
        let mut builder = GraphBuilder::new(Shape::new(3, 4, 2)).unwrap();
        let conv = Op::Conv2d {
            filters: 3,
            attributes: ConvAttributes {
                kernel: Window::new(2, 1),
                stride: Window::square(1),
                padding: Padding::Valid,
                batch_norm: true,
                activation: Activation::Relu,
            },
        };
        let mut tensor = builder.push(conv, &[TensorId::INPUT]).unwrap();
        let dense = Op::Dense { units: 2, activation: Activation::None };
        tensor = builder.push(dense, &[tensor]).unwrap();
        assert_eq!(builder.shape(tensor), Shape::flat(2));
        let graph = builder.finish().unwrap();
        let norm = BatchNorm {
            gamma: numbered(3, 1.0),
            beta: numbered(3, 4.0),
            mean: numbered(3, 7.0),
            variance: numbered(3, 10.0),
        };
        let layers = [
            LayerWeights { kernel: numbered(12, 0.0), bias: numbered(3, 0.5), batch_norm: Some(norm) },
            LayerWeights { kernel: numbered(2 * 24, 0.0), bias: numbered(2, 0.5), batch_norm: None },
        ];
        let weights = Weights::new(&graph, layers.map(Some).into()).unwrap();

        let layout = ParameterLayout::new(&graph);
        let mut parameters = Parameters::zeroed(&layout);
        parameters.load(&graph, &layout, &weights);
        assert_eq!(parameters.to_weights(&graph, &layout), weights);

        let kernels: Vec<_> = layout.layers().map(|ranges| ranges.affine.kernel.clone()).collect();
        // One filter: (row 0: channels 0, 1), (row 1: channels 2, 3) becomes channel by channel.
        assert_eq!(parameters.trained[kernels[0].clone()][..4], [0.0, 2.0, 1.0, 3.0]);
        // One unit over 2 x 4 pixels of 3 channels: the first channel of every pixel comes first.
        assert_eq!(
            parameters.trained[kernels[1].clone()][..9],
            [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 1.0]
        );
    }
}
