use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    c::GeneratedFile,
    verify::{HostOptions, HostRun, TARGETS, host},
};

/// The dense layer of `fixtures/model.c`, with `change` applied to its source.
fn fixture(change: impl Fn(String) -> String) -> CNetwork {
    let file = |name: &str, text: String| GeneratedFile { name: name.to_owned(), text };
    CNetwork {
        files: vec![
            file("model.h", include_str!("../fixtures/model.h").to_owned()),
            file("model.c", change(include_str!("../fixtures/model.c").to_owned())),
        ],
        header: "model.h".to_owned(),
        prefix: "munas".to_owned(),
        invoke: "munas_invoke".to_owned(),
        quantise: None,
        classify: None,
        arena: Some("munas_arena".to_owned()),
        input_length: 16,
        output_length: 3,
    }
}

fn samples() -> Vec<Vec<i8>> {
    let ramp: Vec<i8> = (1..=16).collect();
    let alternating = (0..16).map(|index: u32| if index.is_multiple_of(2) { -128 } else { 127 }).collect();
    vec![ramp, alternating, vec![127; 16]]
}

/// What `fixtures/model.c` computes.
fn expected(sample: &[i8]) -> Vec<i8> {
    let weight = |unit: usize, index: usize| match unit {
        0 => index as i32 + 1,
        1 => (index as i32 + 1) * if index.is_multiple_of(2) { -1 } else { 1 },
        _ => [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3][index],
    };
    let unit = |unit| {
        let terms = sample.iter().enumerate();
        let sum: i32 = terms.map(|(index, value)| i32::from(value / 2) * weight(unit, index)).sum();
        (sum / 64).clamp(-128, 127) as i8
    };
    (0..3).map(unit).collect()
}

/// The report, or `None` with a printed line where a tool is missing.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn report(network: &CNetwork, target: &'static Target, options: &FirmwareOptions) -> Option<FirmwareReport> {
    match firmware(network, target, &samples(), options) {
        Err(error @ VerifyError::MissingTool(_)) => {
            eprintln!("skipped: {error}");
            None
        }
        other => Some(other.unwrap()),
    }
}

#[test]
fn every_emulated_board_runs_the_fixture() {
    for target in &TARGETS {
        let Some(report) = report(&fixture(|text| text), target, &FirmwareOptions::default()) else {
            continue;
        };
        assert_eq!(report.warnings, "", "{}", target.name);
        for (run, sample) in report.samples.iter().zip(samples()) {
            assert_eq!(run.output, expected(&sample), "{}", target.name);
            assert!((100..6000).contains(&run.count), "{}: {}", target.name, run.count);
        }
        assert_eq!(report.arena, Some(16));
        assert_eq!((report.network.rodata, report.network.data, report.network.bss), (48, 0, 16));
        assert!((50..400).contains(&report.network.text), "{}: {:?}", target.name, report.network);
        assert!((0..200).contains(&report.stack), "{}: {}", target.name, report.stack);
    }
}

/// A loop of known length: `rounds` times 64 no-operations and the loop's own instructions.
fn counted(rounds: u32) -> CNetwork {
    fixture(|text| {
        let idle = "nop\\n".repeat(64);
        let body = format!(
            "for (volatile uint16_t round = 0; round < {rounds}; round++) {{\n\
             __asm__ volatile(\"{idle}\");\n}}\nreturn 0;"
        );
        let end = text.rfind("return 0;").unwrap();
        format!("{}{body}{}", &text[..end], &text[end + "return 0;".len()..])
    })
}

#[test]
fn counts_are_exact() {
    let options = FirmwareOptions { model_flags: vec!["-O2".to_owned()], ..FirmwareOptions::default() };
    for target in &TARGETS {
        let counts = [1, 1111].map(|rounds| {
            let report = report(&counted(rounds), target, &options);
            report.map(|report| report.samples[0].count)
        });
        let [Some(first), Some(last)] = counts else { continue };
        let per_round = (last - first) as f64 / 1110.0;
        assert!((68.0..100.0).contains(&per_round), "{}: {per_round} per round", target.name);
        assert!((per_round - per_round.round()).abs() < 0.002, "{}: {per_round}", target.name);
    }
}

#[test]
fn the_stack_is_that_of_the_network() {
    let one_of_each_family = ["mps2-an386", "virt", "atmega1284p"].map(|name| Target::find(name).unwrap());
    let deep = fixture(|text| {
        text.replace(
            "int32_t sum = 0;",
            "volatile int8_t frame[300]; frame[0] = 0; int32_t sum = frame[0]; frame[299] = 1;",
        )
    });
    for target in one_of_each_family {
        let Some(shallow) = report(&fixture(|text| text), target, &FirmwareOptions::default()) else {
            continue;
        };
        let Some(deep) = report(&deep, target, &FirmwareOptions::default()) else { continue };
        let more = deep.stack - shallow.stack;
        assert!((296..=340).contains(&more), "{}: {more}", target.name);
    }
}

#[test]
fn failures_are_told_apart() {
    let Some(target) = TARGETS.iter().find(|target| tool_version(target.emulator()).is_ok()) else { return };
    let options = FirmwareOptions {
        limits: HelperLimits { run: Duration::from_secs(2), ..HelperLimits::default() },
        ..FirmwareOptions::default()
    };
    let fails = |from: &str, to: &str| {
        let network = fixture(|text| text.replace(from, to));
        match firmware(&network, target, &samples(), &options) {
            Err(VerifyError::MissingTool(_)) => None,
            other => Some(other.unwrap_err()),
        }
    };
    let Some(error) = fails("return 0;", "return 7;") else { return };
    assert!(matches!(error, VerifyError::Status(7)), "{error}");
    let error = fails("sum /= 64;", "sum /= ;").unwrap();
    assert!(
        matches!(&error, VerifyError::Compiler { messages, .. } if messages.contains("error")),
        "{error}"
    );
    let error = fails("return 0;", "for (;;) { }").unwrap();
    assert!(matches!(error, VerifyError::TimedOut { .. }), "{error}");
    let error = fails("return 0;", "*(volatile int *)0xf0000000 = 1; return 0;").unwrap();
    assert!(matches!(error, VerifyError::Fault), "{error}");
}

#[test]
fn a_network_that_does_not_fit_is_told() {
    for target in &TARGETS {
        // An array of the AVR has at most 32,767 elements.
        let elements = if target.core == "avr" { 0x4000 } else { 0x60_0000 };
        let large = fixture(|text| {
            let volatile =
                format!("static volatile int8_t munas_large[{elements}];\nstatic int8_t munas_arena[16];");
            let used = "munas_large[0] = input[0];\n    return 0;";
            text.replace("static int8_t munas_arena[16];", &volatile).replace("return 0;", used)
        });
        match firmware(&large, target, &samples(), &FirmwareOptions::default()) {
            Err(VerifyError::DoesNotFit { .. } | VerifyError::MissingTool(_)) => {}
            other => panic!("{}: {other:?}", target.name),
        }
    }
}

#[test]
fn linker_messages_about_memory_are_recognised() {
    let message = "/usr/bin/ld: firmware.elf section `.bss' will not fit in region `RAM'\n/usr/bin/ld: region `RAM' overflowed by 92 bytes";
    assert_eq!(does_not_fit(message), Some("firmware.elf section `.bss' will not fit in region `RAM'"));
    assert_eq!(does_not_fit("undefined reference to `memcpy'"), None);
}

#[test]
fn a_tool_that_is_not_there_is_named_with_its_packages() {
    let tool = crate::verify::Tool { program: "munas-no-such-compiler", packages: "nothing" };
    let error = tool_version(tool).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`munas-no-such-compiler` is not on the PATH (Debian: apt-get install nothing)"
    );
}

#[test]
fn the_host_runs_the_fixture() {
    for sanitize in [false, true] {
        let options = HostOptions { sanitize, ..HostOptions::default() };
        match host(&fixture(|text| text), &samples(), &options) {
            Err(VerifyError::MissingTool(_)) => return,
            runs => {
                let run = |sample: &Vec<i8>| HostRun { input: None, output: expected(sample), class: None };
                assert_eq!(runs.unwrap(), samples().iter().map(run).collect::<Vec<_>>());
            }
        }
    }
    let broken = fixture(|text| text.replace("munas_arena[i] =", "munas_arena[i + input[0]] ="));
    let options = HostOptions { sanitize: true, ..HostOptions::default() };
    assert!(matches!(host(&broken, &[vec![100; 16]], &options), Err(VerifyError::Cut { .. })));
}

proptest! {
    #[test]
    fn ticks_become_counts(count in 0..2_000_000_000_u64, overhead in 0..30_u64) {
        for target in &TARGETS {
            let ticks = (count as f64 * target.ticks_per_count) as u64 + overhead;
            prop_assert!(super::count(ticks, overhead, target.ticks_per_count).abs_diff(count) <= 1);
        }
    }
}
