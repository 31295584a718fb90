use munas_cost::boards::BoardBounds;
use munas_search::Bounds;

use super::*;

#[test]
fn a_board_bounds_what_it_does_not_have() {
    let bounds = |lines: &str| read(&with_source(lines)).bounds;
    let board = "board.name = 'NUCLEO-F446RE'";
    let BoardBounds { peak_memory, flash } = boards::find("stm32f446re").unwrap().bounds();
    let [peak_memory, flash] = [peak_memory, flash].map(|bytes| bytes as f64);
    let memory = [(Objective::PeakMemory, peak_memory), (Objective::Flash, flash)];
    assert_eq!(bounds(board), Bounds::hard(memory));
    // A tighter bound stays what it is, a looser one is lowered.
    let given = bounds(&format!("{board}\nbounds = {{ peak_memory = 1000, flash = '1GB', hard = [] }}"));
    assert_eq!(given.get(Objective::PeakMemory), Some(1000.0));
    assert_eq!((given.get(Objective::Flash), given.hard), (Some(flash), vec![Objective::Flash]));
    let latency = bounds(&format!("{board}\nbounds.latency_ms = 50\nbounds.energy_mj = 0.5"));
    assert_eq!(latency.get(Objective::Latency), Some(50.0));
    assert_eq!(latency.get(Objective::Energy), Some(0.5));
    check_error(
        &with_source("board.name = 'rp2040'\nbounds.energy_mj = 5"),
        &[],
        &expect![
            "`bounds.energy_mj`: needs a board of known power (active_power_mw or [board.power] in a table of your own)"
        ],
    );
}

#[test]
fn a_rate_bounds_the_latency() {
    let bounds = |lines: &str| read(&with_source(lines)).bounds;
    let at_rate = |lines: &str| bounds(&format!("board = {{ name = 'nrf52840', rate = 20 }}\n{lines}"));
    let given = at_rate("");
    assert_eq!((given.get(Objective::Latency), given.is_hard(Objective::Latency)), (Some(50.0), true));
    assert_eq!(at_rate("bounds.latency_ms = 80").get(Objective::Latency), Some(50.0));
    assert_eq!(at_rate("bounds.latency_ms = 30").get(Objective::Latency), Some(30.0));
    assert_eq!(at_rate("bounds.energy_mj = 1").get(Objective::Energy), Some(1.0));
    assert_eq!(bounds("board.name = 'nrf52840'").get(Objective::Latency), None);
    for rate in ["0", "-1", "inf", "nan"] {
        let error = Experiment::from_toml(
            &with_source(&format!("board = {{ name = 'nrf52840', rate = {rate} }}")),
            &[],
        );
        assert!(error.unwrap_err().to_string().starts_with("`board.rate`: "), "{rate}");
    }
    check_error(
        &with_source("board.rate = 2"),
        &[],
        &expect!["`board.name`: no board is named (`munas boards` lists them)"],
    );
    // The sleep between inferences cannot be bounded where nobody knows it.
    check_error(
        &with_source("board = { name = 'stm32f446re', rate = 2 }\nbounds.energy_mj = 5"),
        &[],
        &expect![
            "`bounds.energy_mj`: at a rate (board.rate) needs a board whose current asleep is known (power.sleep_ua in a table of your own); without the rate, the energy of an inference alone is bounded"
        ],
    );
}

#[test]
fn a_run_has_the_bounds_that_it_was_made_with() {
    let text =
        with_source("board.name = 'stm32f446re'\nbounds = { model_size = 500000, hard = ['model_size'] }");
    let bounds = Experiment::from_run_file(&text).unwrap().bounds;
    assert_eq!(bounds, Bounds::hard([(Objective::ModelSize, 500_000.0)]));
}

#[test]
fn boards_may_come_from_a_table_of_the_users_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("boards.toml");
    let table = "[[board]]\nname = 'mine'\ndescription = 'a board'\ncore = 'cortex-m4'\nclock_mhz = 80\nram_kib = 1\nflash_kib = 2";
    fs::write(&file, table).unwrap();
    let board = format!("board = {{ name = 'mine', file = '{}' }}", file.display());
    let experiment = read(&with_source(&board));
    assert_eq!(experiment.board.as_ref().unwrap().board.name, "mine");
    assert_eq!(experiment.bounds.get(Objective::PeakMemory), Some(768.0));
    assert_eq!(read(&experiment.to_toml()), experiment);
    fs::write(&file, "[[board]]\nname = 3").unwrap();
    let error = Experiment::from_toml(&with_source(&board), &[]).unwrap_err().to_string();
    assert!(error.starts_with("`board.file`: ") && error.contains("boards.toml"), "{error}");
    check_error(
        &with_source("board.name = 'stm32f446'"),
        &[],
        &expect![
            "`board.name`: there is no board `stm32f446` (did you mean stm32f446re or stm32g474re or stm32l476rg?)"
        ],
    );
}
