//! The section `train`: what old runs imply.

use super::*;

#[test]
fn runs_of_the_first_version_train_as_it_did() {
    let old = with_source("[train]\nepochs = 20\n");
    let run = Experiment::from_run_file(&old).unwrap();
    assert_eq!(run.train.norm_statistics, NormStatistics::Moving);
    assert_eq!(run.train.augment_until, 1.0);
    // A new experiment of the same text takes today's defaults for the keys that it lacks.
    let new = read(&old);
    assert_eq!(new.train.norm_statistics, NormStatistics::ReEstimated);
    for experiment in [run, new] {
        assert_eq!(Experiment::from_run_file(&experiment.to_toml()).unwrap(), experiment);
    }
}
