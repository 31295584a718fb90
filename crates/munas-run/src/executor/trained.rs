//! What a training came to: the network in floats and in int8, and how both err.

use std::ops::ControlFlow;

use munas_cost::{MemoryModel, Resources, resources_under, sparse_model_size};
use munas_data::{Dataset, Normalisation};
use munas_ir::fold_batch_norm;
use munas_quant::QuantisedNetwork;
use munas_train::{PruningMode, TrainedModel};

use crate::driving::{Driving, DrivingError};
use crate::int8::{Int8Settings, int8_error, int8_predictions, quantise};
use crate::judge::{Scores, standard_error};

/// A trained network, with its int8 form and what that predicts for the validation part.
#[derive(Debug)]
pub struct TrainedNetwork<'a> {
    dataset: &'a Dataset,
    normalisation: &'a Normalisation,
    in_int8: Vec<u32>,
    /// The network in floats, and its training curve.
    pub model: TrainedModel,
    /// The network in int8.
    pub int8: QuantisedNetwork,
}

impl<'a> TrainedNetwork<'a> {
    /// Quantises what was trained on `dataset` and runs it on the validation part. `None` if `proceed`, which is asked now and then, breaks
    /// it off.
    pub fn quantised(
        model: TrainedModel,
        dataset: &'a Dataset,
        normalisation: &'a Normalisation,
        settings: &Int8Settings,
        proceed: impl FnMut() -> ControlFlow<()>,
    ) -> Option<Self> {
        let int8 = quantise(&model, dataset, normalisation, settings);
        let in_int8 = int8_predictions(&int8, &dataset.validation, normalisation, proceed)?;
        Some(Self { dataset, normalisation, in_int8, model, int8 })
    }

    /// Errors on the validation part, in floats, of the epoch that is kept.
    pub fn validation(&self) -> Scores {
        Scores::of(&self.model.validation_confusion)
    }

    /// Errors on the test part, in floats, of the same weights.
    pub fn test(&self) -> Scores {
        Scores::of(&self.model.test_confusion)
    }

    /// Errors on the validation part, in int8.
    pub fn validation_in_int8(&self) -> Scores {
        Scores::of_predictions(self.dataset.validation.labels(), &self.in_int8, self.dataset.classes())
    }

    /// Share of the test part that is misclassified in int8.
    pub fn test_error_in_int8(&self) -> Option<f64> {
        int8_error(&self.int8, &self.dataset.test, self.normalisation, || ControlFlow::Continue(()))
    }

    /// Standard error of the validation error that drives a search.
    pub fn standard_error(&self, driving: Driving) -> f64 {
        let predicted = match driving.error {
            DrivingError::Float => &self.model.validation_predicted,
            DrivingError::Int8 => &self.in_int8,
        };
        standard_error(driving.metric, &self.dataset.validation, self.dataset.classes(), predicted)
    }

    /// What the network costs, its peak memory under this model, after pruning in this mode if there was any: of one that was pruned weight by weight, only weights other than
    /// zero take room.
    pub fn resources(&self, pruning: Option<PruningMode>, memory: MemoryModel) -> Resources {
        let TrainedModel { graph, weights, .. } = &self.model;
        let resources = resources_under(graph, memory);
        match pruning {
            None | Some(PruningMode::Structured) => resources,
            Some(PruningMode::Unstructured) => {
                let (_, folded) = fold_batch_norm(graph, weights);
                Resources { model_size: sparse_model_size(&folded), ..resources }
            }
        }
    }
}
