use expect_test::{Expect, expect};

use super::*;

#[test]
fn the_built_in_table_is_valid_and_names_are_unique() {
    let boards = builtin().boards();
    assert!(boards.len() >= 7);
    let mut names: Vec<&String> = boards.iter().flat_map(Board::names).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "a name or alias stands twice");
    assert!(names.iter().all(|name| **name == name.to_lowercase()), "names are in lower case");
}

#[test]
fn a_board_is_found_by_name_and_alias_in_any_case() {
    let board = find("STM32F446RE").unwrap();
    assert_eq!(board.name, "stm32f446re");
    assert_eq!(find("nucleo-f446re").unwrap(), board);
    assert_eq!((board.clock_hz, board.ram, board.flash), (180_000_000, 131_072, 524_288));
    assert_eq!(board.bounds(), BoardBounds { peak_memory: 98_304, flash: 393_216 });
}

#[test]
fn an_unknown_board_comes_with_candidates() {
    let error = find("stm32f446").unwrap_err();
    assert_eq!(error.candidates[0], "stm32f446re");
    assert_eq!(find("nano").unwrap_err().candidates, ["nrf52840", "atmega328p"]);
    // Names alike, but of another core.
    for name in ["esp32", "ESP32", "esp32-s3", "esp8266", "pic32mx", "stm32mp157"] {
        let error = find(name).unwrap_err();
        assert!(error.is_foreign && error.candidates.is_empty(), "{name}: {:?}", error.candidates);
        assert!(error.advice("own").contains(error.core.unwrap()), "{name}");
    }
    for (name, expected) in
        [("esp32-c6", "esp32-c3"), ("stm32f103", "stm32f103c8"), ("stm32f767zi", "stm32f746ng")]
    {
        let error = find(name).unwrap_err();
        assert!(!error.is_foreign);
        assert_eq!(
            error.candidates.first().map(String::as_str),
            Some(expected),
            "{name}: {:?}",
            error.candidates
        );
    }
    let of_m4 = find("stm32f401re").unwrap_err().candidates;
    assert!(
        !of_m4.is_empty() && of_m4.iter().all(|name| find(name).unwrap().core.name == "cortex-m4"),
        "{of_m4:?}"
    );
    let error = find("zx81").unwrap_err();
    assert!(error.core.is_none() && !error.is_foreign);
    assert_eq!(error.candidates, [""; 0]);
    assert_eq!(error.known.len(), builtin().boards().len());
}

#[test]
fn a_users_table_adds_and_replaces() {
    let text = r#"
        [[core]]
        name = "slow-m4"
        instructions = "cortex-m4"
        cycles_per_instruction = 2.5
        [[board]]
        name = "mine"
        core = "slow-m4"
        clock_mhz = 1.5
        ram_kib = 8
        flash_kib = 32
        usable_ram_share = 0.5
        [[board]]
        name = "nrf52840"
        core = "cortex-m4"
        clock_mhz = 32
        ram_kib = 256
        flash_kib = 1024
    "#;
    let table = BoardTable::parse(text).unwrap();
    let mine = table.find("mine").unwrap();
    assert_eq!((mine.clock_hz, mine.core.cycles_per_instruction), (1_500_000, 2.5));
    assert_eq!(mine.bounds(), BoardBounds { peak_memory: 4096, flash: 24_576 });
    assert_eq!(table.find("nrf52840").unwrap().clock_hz, 32_000_000);
    assert_eq!(table.boards().len(), builtin().boards().len() + 1);
}

#[test]
fn bad_tables_are_refused_with_the_place() {
    fn check(text: &str, expected: &Expect) {
        expected.assert_eq(&BoardTable::parse(text).unwrap_err().to_string());
    }
    let board = |lines: &str| {
        format!("[[board]]\nname = \"b\"\ncore = \"cortex-m4\"\nclock_mhz = 1\nflash_kib = 1\n{lines}")
    };
    check(
        "[[core]]\nname = \"c\"\ninstructions = \"z80\"\ncycles_per_instruction = 1.0",
        &expect![
            "`c`: there is no instruction model `z80` (known: cortex-m3, cortex-m4, cortex-m7, cortex-m55, cortex-m0, rv32imc, avr)"
        ],
    );
    check(&board("ram_kib = 0"), &expect!["`b`: ram_kib = 0 is not a number above 0"]);
    check(
        &board("ram_kib = 1\nusable_flash_share = 1.5"),
        &expect!["`b`: usable_flash_share = 1.5 is not above 0 and at most 1"],
    );
    let twice = format!("{}\n{}", board("ram_kib = 1"), board("ram_kib = 1"));
    check(&twice, &expect!["`b` stands twice in the table"]);
    let misspelt = BoardTable::parse(&board("ram_kb = 1")).unwrap_err().to_string();
    assert!(misspelt.contains("unknown field `ram_kb`"), "{misspelt}");
}

#[test]
fn currents_become_power_at_the_clock() {
    let board = |lines: &str| {
        let text = format!(
            "[[board]]\nname = 'b'\ncore = 'cortex-m4'\nclock_mhz = 50\nram_kib = 8\nflash_kib = 64\n{lines}"
        );
        BoardTable::parse(&text).map(|table| table.find("b").unwrap().power.clone())
    };
    assert_eq!(board(""), Ok(None));
    let typical = board("active_power_mw = 12.5").unwrap().unwrap();
    assert_eq!((typical.active_mw, typical.asleep_mw), (12.5, None));
    assert_eq!(typical.basis.to_string(), "time × power of the data sheet");
    let currents = "supply_v = 3\nflash_ua_per_mhz = 100\nram_ua_per_mhz = 80\nsleep_ua = 2";
    let power = board(&format!("[board.power]\nsource = 'measured'\n{currents}")).unwrap().unwrap();
    // 5 mA, 4 mA and 2 µA at 3 V.
    assert!((power.active_mw - 15.0).abs() < 1e-9 && (power.active_from_ram_mw.unwrap() - 12.0).abs() < 1e-9);
    assert!((power.asleep_mw.unwrap() - 0.006).abs() < 1e-12);
    assert_eq!(power.basis.to_string(), "published figures: measured");

    let refused = |lines: &str| board(lines).unwrap_err().to_string();
    assert_eq!(
        refused(&format!("active_power_mw = 1\n[board.power]\nsource = 's'\n{currents}")),
        "`b`: active_power_mw and [board.power] both say what it draws; one of them is enough"
    );
    let no_source = refused(&format!("[board.power]\nsource = ' '\n{currents}"));
    assert_eq!(no_source, "`b`: power.source does not say where the currents are from");
    let negative =
        refused("[board.power]\nsource = 's'\nsupply_v = 3\nflash_ua_per_mhz = 100\nsleep_ua = -2");
    assert_eq!(negative, "`b`: power.sleep_ua = -2 is not a number above 0");
}

/// Slips of a factor of a thousand, KiB for bytes, and the clock of the entry that was copied.
#[test]
fn the_sizes_and_clocks_of_the_table_are_of_their_order() {
    for board in builtin().boards() {
        let (megahertz, name) = (board.clock_hz / 1_000_000, &board.name);
        assert!((1..=1000).contains(&megahertz), "{name}: {megahertz} MHz");
        assert!((1..=8 << 10).contains(&(board.ram >> 10)), "{name}: {} KiB of RAM", board.ram >> 10);
        assert!((4..=64 << 10).contains(&(board.flash >> 10)), "{name}: {} KiB of flash", board.flash >> 10);
        assert!(board.description.contains(&format!(" at {megahertz} MHz")), "{name}: {}", board.description);
    }
}

/// Slips of a factor of a thousand: no microcontroller of the table computes for less than 10 pJ or more than 10 nJ a cycle, or
/// draws more than a hundredth of that asleep.
#[test]
fn the_powers_of_the_table_are_of_their_order() {
    let mut published = 0;
    for board in builtin().boards() {
        let Some(power) = &board.power else { continue };
        let picojoules = power.active_mw / 1e3 / board.clock_hz as f64 * 1e12;
        assert!((10.0..10_000.0).contains(&picojoules), "{}: {picojoules} pJ a cycle", board.name);
        let from_ram = power.active_from_ram_mw.unwrap_or(power.active_mw);
        assert!(from_ram <= power.active_mw && from_ram > power.active_mw / 2.0, "{}", board.name);
        assert!(power.asleep_mw.is_none_or(|asleep| asleep < power.active_mw / 100.0), "{}", board.name);
        published += u32::from(matches!(power.basis, PowerBasis::Published(_)));
    }
    assert!(published >= 5, "{published}");
}
