//! Curves of networks that were never trained: those of networks that were, or made up from their sizes.

use std::error::Error;
use std::fs;
use std::path::Path;

use munas_cost::Resources;

/// Share of wrong guesses.
const GUESSES: f64 = 0.9;

/// Errors by epoch.
pub enum Curves {
    /// Of the trained network that is nearest in size.
    Measured(Vec<Network>),
    /// A power of the epochs, the lower the larger the network.
    MadeUp,
}

/// A network that was trained.
pub struct Network {
    /// Logarithms of its resources.
    sizes: [f64; 3],
    /// For each seed, errors by epochs, ascending.
    trainings: Vec<Vec<(u32, f64)>>,
}

impl Curves {
    /// Reads `networks.csv` and the trainings in rungs that are annealed in `results.csv`, of the experiment `rungs`.
    pub fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let mut networks = Vec::new();
        for line in fs::read_to_string(folder.join("networks.csv"))?.lines().skip(1) {
            // number, peak memory, model size, MACs, and an architecture with commas in it
            let fields: Vec<f64> = line.split(',').take(4).map(str::parse).collect::<Result<_, _>>()?;
            let [_, peak_memory, model_size, macs] = fields[..] else { return Err("a short line".into()) };
            let sizes = [peak_memory, model_size, macs].map(f64::ln_1p);
            networks.push(Network { sizes, trainings: Vec::new() });
        }
        for line in fs::read_to_string(folder.join("results.csv"))?.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let [network, seed, "annealed", epochs, error] = fields[..] else { continue };
            let (network, seed): (usize, usize) = (network.parse()?, seed.parse()?);
            let network = network.checked_sub(1).and_then(|place| networks.get_mut(place));
            let trainings = &mut network.ok_or("a result of no network")?.trainings;
            trainings.resize(trainings.len().max(seed), Vec::new());
            trainings[seed - 1].push((epochs.parse()?, error.parse()?));
        }
        networks.retain(|network| network.trainings.iter().any(|training| !training.is_empty()));
        if networks.is_empty() {
            return Err(format!("{} has no annealed trainings", folder.display()).into());
        }
        Ok(Self::Measured(networks))
    }

    /// The error of a network after so many epochs of a training with this seed.
    pub fn error(&self, resources: &Resources, epochs: u32, seed: u64) -> f64 {
        let Resources { peak_memory, model_size, macs, .. } = *resources;
        let sizes = [peak_memory, model_size, macs].map(|size| (size as f64).ln_1p());
        let error = match self {
            Self::Measured(networks) => measured(networks, sizes, epochs, seed),
            Self::MadeUp => {
                let floor = GUESSES / (1.0 + sizes.iter().sum::<f64>() / 10.0);
                floor + (GUESSES - floor) / f64::from(epochs).sqrt()
            }
        };
        // What a validation part of 4,000 samples leaves unknown, from 32 bits of the seed.
        let draw = (seed >> 8) as u32;
        let chance = 2.0 * f64::from(draw) / f64::from(u32::MAX) - 1.0;
        (error + chance * (3.0 * error * (1.0 - error) / 4000.0).sqrt()).clamp(0.0, 1.0)
    }
}

fn measured(networks: &[Network], sizes: [f64; 3], epochs: u32, seed: u64) -> f64 {
    let distance = |network: &Network| -> f64 {
        network.sizes.iter().zip(sizes).map(|(one, other)| (one - other).powi(2)).sum()
    };
    let nearest = networks.iter().min_by(|one, other| distance(one).total_cmp(&distance(other)));
    let trainings = nearest.map_or(&[][..], |network| &network.trainings);
    let drawn = seed.checked_rem(trainings.len() as u64).map(|place| &trainings[place as usize]);
    drawn.map_or(GUESSES, |training| between(training, epochs))
}

/// The error of a curve, straight between the logarithms of the epochs that it knows.
fn between(training: &[(u32, f64)], epochs: u32) -> f64 {
    let after = training.partition_point(|&(known, _)| known < epochs);
    match (after.checked_sub(1).map(|before| training[before]), training.get(after)) {
        (Some((begin, high)), Some(&(end, low))) => {
            let log = |epochs: u32| f64::from(epochs).ln();
            high + (low - high) * (log(epochs) - log(begin)) / (log(end) - log(begin))
        }
        (None, Some(&(_, error))) | (Some((_, error)), None) => error,
        (None, None) => GUESSES,
    }
}
