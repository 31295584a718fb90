//! The section `train`: what old runs imply.

use munas_data::NormaliseMode;

use super::*;

#[test]
fn runs_of_the_first_version_train_as_it_did() {
    let old = with_source("[train]\nepochs = 20\n");
    let run = Experiment::from_run_file(&old).unwrap();
    assert_eq!(run.train.norm_statistics, NormStatistics::Moving);
    assert_eq!((run.train.augment_until, run.train.keep), (1.0, Keep::Best));
    // A new experiment of the same text takes today's defaults for the keys that it lacks.
    let new = read(&old);
    assert_eq!(new.train.norm_statistics, NormStatistics::ReEstimated);
    assert_eq!((run.pruning, new.pruning), (None, None));
    let pruning = "mode = \"structured\"\nstart = 1\nfinish = 3\nmin_sparsity = 0.1\nmax_sparsity = 0.8\n";
    let old = format!("{old}[train.pruning]\n{pruning}");
    let fits = |experiment: Experiment| experiment.pruning.unwrap().fits_bounds;
    assert!(!fits(Experiment::from_run_file(&old).unwrap()) && fits(read(&old)));
    assert!(!fits(Experiment::from_toml(&old, &["train.pruning.fit=none".into()]).unwrap()));
    for experiment in [run, new, Experiment::from_run_file(&old).unwrap(), read(&old)] {
        assert_eq!(Experiment::from_run_file(&experiment.to_toml()).unwrap(), experiment);
    }
}

#[test]
fn what_is_trained_is_normalised_as_the_data_section_says() {
    let mut experiment = read("data = { source = \"glyphs\", subset = 100, normalise = \"unit\" }\n");
    experiment.data.normalise = NormaliseMode::MeanStd;
    let settings = experiment.train_settings(&experiment.load_data().unwrap()).unwrap();
    assert_eq!(settings.normalise, NormaliseMode::MeanStd);
    assert_eq!(read(&experiment.to_toml()).data.normalise, NormaliseMode::MeanStd);
}
