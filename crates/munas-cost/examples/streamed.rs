//! How much memory execution in rows takes beside execution layer by layer, over random networks, and how fast it is chosen and priced:
//! `cargo run --release -p munas-cost --example streamed [networks]`.
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::time::Instant;

use munas_cost::{MemoryRules, NetworkInput, RowFlow, choose_order, choose_schedule, price_schedule};
use munas_ir::{Graph, Shape};
use munas_space::Space;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const SETS: [(&str, &str, Shape); 7] = [
    ("cnn2d", "wide", Shape::new(16, 16, 1)),
    ("cnn2d", "wide", Shape::new(28, 28, 1)),
    ("cnn2d", "wide", Shape::new(96, 96, 3)),
    ("cnn2d", "munas-2020", Shape::new(16, 16, 1)),
    ("cnn2d", "munas-2020", Shape::new(28, 28, 1)),
    ("cnn2d", "munas-2020", Shape::new(96, 96, 3)),
    ("cnn1d", "wide-1d", Shape::new(128, 1, 9)),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let networks: usize = std::env::args().nth(1).map_or(Ok(1_000), |text| text.parse())?;
    println!("peak memory in rows / layer by layer, without the input: quantiles over {networks} networks");
    println!(
        "space        input      5 %   25 %   50 %   75 %   95 %   most   with input in rows, 50 %   a second"
    );
    for (kind, bounds, input) in SETS {
        let space = Space::named(kind, bounds)?;
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let graphs: Vec<Graph> = (0..networks).map(|_| space.sample(&mut rng).lower(input, 10)).collect();
        let shares = |input: NetworkInput, rules: MemoryRules| {
            let mut shares: Vec<f64> = graphs
                .iter()
                .map(|graph| {
                    let flow = RowFlow::of(graph);
                    let rows = price_schedule(&flow, &choose_schedule(&flow, input)).peak;
                    rows as f64 / choose_order(graph, rules).peak as f64
                })
                .collect();
            shares.sort_by(f64::total_cmp);
            shares
        };
        let outside = shares(NetworkInput::External, MemoryRules::WITHOUT_INPUT);
        let within = shares(NetworkInput::Rows, MemoryRules::WITH_INPUT);
        let begin = Instant::now();
        let all: u64 = graphs
            .iter()
            .map(|graph| choose_schedule(&RowFlow::of(graph), NetworkInput::External).parts.len() as u64)
            .sum();
        let speed = networks as f64 / begin.elapsed().as_secs_f64();
        let at = |shares: &[f64], share: f64| shares[((networks - 1) as f64 * share) as usize];
        let [a, b, c, d, e, f] = [0.05, 0.25, 0.5, 0.75, 0.95, 1.0].map(|share| at(&outside, share));
        let name = format!("{}x{}x{}", input.height, input.width, input.channels);
        println!(
            "{bounds:<12} {name:<9} {a:5.2}  {b:5.2}  {c:5.2}  {d:5.2}  {e:5.2}  {f:5.2}   {:24.2}   {speed:8.0} ({:.1} parts)",
            at(&within, 0.5),
            all as f64 / networks as f64
        );
    }
    Ok(())
}
