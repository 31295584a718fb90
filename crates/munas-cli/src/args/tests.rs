use clap::{CommandFactory, Parser};
use expect_test::expect_file;
use munas_search::{Bounds, Objective};

use super::{Args, Command, DataArgs, DataCommand, SearchArgs, TrainArgs};

fn parse(line: &str) -> Command {
    Args::try_parse_from(line.split_whitespace()).unwrap().command
}

fn search(line: &str) -> SearchArgs {
    match parse(line) {
        Command::Search(args) => *args,
        other => panic!("{other:?}"),
    }
}

fn train(line: &str) -> TrainArgs {
    match parse(line) {
        Command::Train(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn flags_of_a_search_become_overrides_in_their_units() {
    let args = search(
        "munas search --data mnist --trials 5 --time 1h30m --max-error 10% --max-peak-memory 16KiB \
         --max-model-size 16KB --max-macs 1M --max-latency 0.05s --max-energy 20uJ --max-flash 1MiB --seed 7 --runtime streamed \
         --set train.epochs=3",
    );
    let expected = [
        r#"data.source="mnist""#,
        "seed=7",
        r#"memory.runtime="streamed""#,
        "search.trials=5",
        r#"search.time="1h30m""#,
        "bounds.hard+=peak_memory",
        "bounds.hard+=model_size",
        "bounds.hard+=macs",
        "bounds.hard+=latency_ms",
        "bounds.hard+=energy_mj",
        "bounds.hard+=flash",
        "bounds.error=0.1",
        "bounds.peak_memory=16384",
        "bounds.model_size=16000",
        "bounds.macs=1000000",
        "bounds.latency_ms=50",
        "bounds.energy_mj=0.02",
        "bounds.flash=1048576",
        "train.epochs=3",
    ];
    assert_eq!(args.overrides(), expected);
    assert_eq!(search("munas search").overrides(), Vec::<String>::new());
    let soft = search("munas search --soft --max-macs 5k").overrides();
    assert_eq!(soft, ["bounds.hard+=macs", "bounds.hard=[]", "bounds.macs=5000"]);
}

#[test]
fn groups_and_metric_are_known_to_all_commands_that_load_data() {
    let expected = [r#"data.groups="subject""#, r#"search.metric="balanced""#];
    let flags = "--groups subject --metric balanced";
    assert_eq!(search(&format!("munas search {flags}")).overrides(), expected);
    let of_train = train(&format!("munas train --space mlp --arch a.json {flags}")).overrides();
    assert_eq!(of_train, expected);
    let Command::Data(DataArgs { command: DataCommand::Info(info) }) =
        parse(&format!("munas data info csv:a {flags}"))
    else {
        panic!("another command");
    };
    assert_eq!(info.dataset.overrides()[1..], expected);
    assert!(Args::try_parse_from(["munas", "search", "--metric", "accuracy"]).is_err());
}

#[test]
fn a_text_stays_a_text_whatever_it_looks_like() {
    assert_eq!(search("munas search --data 7").overrides(), [r#"data.source="7""#]);
    let quoted = SearchArgs { data: Some("csv:a \"b\".csv".into()), ..SearchArgs::default() };
    assert_eq!(quoted.overrides(), [r#"data.source="csv:a \"b\".csv""#]);
}

#[test]
fn training_options_become_overrides() {
    let args = train(
        "munas train --space mlp --arch a.json --epochs 3 --schedule cosine --augment flip --augment shift:2 \
         --learning-rate 1e-3 --class-weights --size 48x32",
    );
    let expected = [
        "data.size=[48, 32]",
        "train.epochs=3",
        "train.learning_rate=0.001",
        r#"train.schedule="cosine""#,
        r#"train.augment=["flip","shift:2"]"#,
        "train.class_weights=true",
    ];
    assert_eq!(args.overrides(), expected);
    let pieces = train("munas train --space mlp --arch a.json --schedule [[2,0.1]] --augment none");
    assert_eq!(pieces.overrides(), ["train.schedule=[[2,0.1]]", r#"train.augment="none""#]);
}

#[test]
fn an_accuracy_is_a_limit_of_the_error() {
    let bounds = |line: &str| match parse(line) {
        Command::Front(args) => args.limits.bounds(),
        other => panic!("{other:?}"),
    };
    for rate in ["95%", "0.95", ".95", "95 %"] {
        let args = ["munas", "front", "run", "--at-least", rate, "--max-macs", "5k"];
        let Command::Front(args) = Args::try_parse_from(args).unwrap().command else { panic!() };
        let bounds = args.limits.bounds();
        assert!((bounds.get(Objective::Error).unwrap() - 0.05).abs() < 1e-12, "{rate}");
        assert_eq!(bounds.get(Objective::Macs), Some(5_000.0));
    }
    let all = bounds(
        "munas front run --max-error 8% --max-peak-memory 4KB --max-model-size 1KiB --max-latency 2ms",
    );
    let expected = [
        (Objective::Error, 0.08),
        (Objective::PeakMemory, 4_000.0),
        (Objective::ModelSize, 1_024.0),
        (Objective::Latency, 2.0),
    ];
    assert_eq!(all, Bounds::soft(expected));
    for wrong in ["95", "-1%", "nan", "101%", "good"] {
        assert!(
            Args::try_parse_from(["munas", "front", "run", &format!("--at-least={wrong}")]).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_preset_and_a_file_exclude_each_other() {
    assert!(Args::try_parse_from(["munas", "search", "a.toml", "--preset", "mnist"]).is_err());
    assert!(Args::try_parse_from(["munas", "cost", "a.tflite", "--cases", "b.json"]).is_err());
    assert!(Args::try_parse_from(["munas", "cost", "--arch", "a.json"]).is_err());
}

/// The help of every command, as a terminal of 100 columns shows it.
#[test]
fn help_texts() {
    let mut program = Args::command().term_width(100);
    program.build();
    expect_file!["snapshots/munas.txt"].assert_eq(&program.render_help().to_string());
    let mut commands: Vec<(String, clap::Command)> =
        program.get_subcommands().map(|command| (command.get_name().to_owned(), command.clone())).collect();
    while let Some((name, mut command)) = commands.pop() {
        if name == "help" || name.ends_with("-help") {
            continue;
        }
        let path = format!("{}/src/args/snapshots/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        expect_file![path].assert_eq(&command.render_help().to_string());
        commands
            .extend(command.get_subcommands().map(|sub| (format!("{name}-{}", sub.get_name()), sub.clone())));
    }
}
