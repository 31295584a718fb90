//! One network, trained without a run.

use std::ops::ControlFlow;
use std::path::PathBuf;

use munas_app::architecture::{parse_architecture, parse_kind};
use munas_app::experiment::{Base, draft, load_dataset, resolve};
use munas_app::single::{Trained, train as train_network};
use munas_app::{UserError, UserResult};
use munas_report::units;
use pyo3::prelude::*;

use crate::attended::{News, attended};
use crate::errors::json;
use crate::network::Network;
use crate::runs::{ARRAYS, tell_of};

/// Trains an architecture of a kind on the data that overrides name; gives the network and what came of it as JSON.
#[pyfunction]
#[pyo3(signature = (kind, architecture, overrides, listener))]
pub fn train(
    py: Python<'_>,
    kind: &str,
    architecture: &str,
    overrides: Vec<String>,
    listener: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Network, String)> {
    let (trained, network) = attended(py, listener, |stop, news| {
        let kind = parse_kind(kind)?;
        let architecture = parse_architecture(kind, architecture)?;
        let draft = draft(Base::Defaults, &overrides)?;
        let mut dataset = load_dataset(&draft)?;
        tell_of(&dataset, news);
        ARRAYS.clone_into(&mut dataset.name);
        let experiment = resolve(&draft, &dataset)?;
        let epochs = u64::from(experiment.train.epochs);
        let trained = train_network(&architecture, (&experiment, &dataset), None, &mut |report| {
            let text = format!(
                "epoch {}/{epochs}: loss {:.4}, val. error {}",
                report.epoch,
                report.train_loss,
                units::percent(report.validation_error)
            );
            news.send(News::Progress { done: u64::from(report.epoch), of: Some(epochs), text }).ok();
            if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let network = network(&trained, dataset.class_names.clone(), experiment.memory)?;
        Ok((trained, network))
    })?;
    Ok((network, json(py, &trained.document)?))
}

fn network(trained: &Trained, labels: Vec<String>, memory: munas_cost::MemoryModel) -> UserResult<Network> {
    Network::of(trained.model.clone(), None, labels, PathBuf::from("munas"), memory)
        .ok_or_else(|| UserError::failure("the network has no int8 form"))
}
