//! What an experiment leaves to its data, written down once they are known.

use munas_data::{Dataset, Folds, Source};

use super::Experiment;

impl Experiment {
    /// The same experiment with the values that the user's own images or recordings decided: their size and colour, their
    /// sampling rate and band; and the number of folds. The same data read with them are the same samples.
    pub fn settled(mut self, dataset: &Dataset) -> Self {
        let [height, width, channels] = dataset.input;
        match self.data.source.parse() {
            Ok(Source::Images(_)) => {
                self.data.size = Some([height, width]);
                self.data.grey = Some(channels == 1);
            }
            Ok(Source::Audio(_)) => {
                let audio = &mut self.data.audio;
                audio.rate = audio.rate.or(dataset.rate);
                audio.band = audio.rate.map(|rate| audio.band_at(rate));
            }
            _ => {}
        }
        self.search.folds = Folds::Count(dataset.folds());
        self
    }
}
