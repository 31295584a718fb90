use expect_test::{Expect, expect};

use super::{Outcome, parse};
use crate::args::Args;

fn check(line: &str, expected: &Expect) {
    let outcome = parse::<Args>(line.split_whitespace().map(Into::into)).unwrap_err();
    let Outcome::Wrong(error) = outcome else { panic!("{outcome:?}") };
    expected.assert_eq(&crate::output::plain(crate::output::error_text(&error)));
}

#[test]
fn wrong_usage_says_what_where_and_what_helps() {
    check(
        "munas",
        &expect![[r#"
        error: a command is missing
          Usage: munas <COMMAND>
        hint: --help lists the commands
    "#]],
    );
    check(
        "munas sear",
        &expect![[r#"
        error: unrecognized subcommand 'sear'
          Usage: munas <COMMAND>
        hint: did you mean `search`?
    "#]],
    );
    check(
        "munas front",
        &expect![[r#"
        error: the following required arguments were not provided: <DIR>
          Usage: munas front <DIR>
        hint: --help after a command shows its arguments
    "#]],
    );
    check(
        "munas search --trails 5",
        &expect![[r#"
        error: unexpected argument '--trails' found
          Usage: munas search --trials <N> [FILE.toml]
        hint: did you mean `--trials`?
    "#]],
    );
    check(
        "munas search --trials 0",
        &expect![[r#"
        error: invalid value '0' for '--trials <N>': 0 is not in 1..18446744073709551615
        hint: --help after a command shows its arguments
    "#]],
    );
    check(
        "munas search --max-peak-memory 16XB",
        &expect![[r#"
        error: invalid value '16XB' for '--max-peak-memory <SIZE>': `16XB` is not a size in bytes, such as 64000, 64KB (64,000) or 64KiB (65,536)
        hint: --help after a command shows its arguments
    "#]],
    );
    check(
        "munas search --time soon",
        &expect![[r#"
        error: invalid value 'soon' for '--time <DURATION>': `soon` is not a duration, such as 45s, 30m or 1h30m
        hint: --help after a command shows its arguments
    "#]],
    );
    check(
        "munas cost --space mlp --arch a.json --input 28x28 --classes 10",
        &expect![[r#"
        error: invalid value '28x28' for '--input <HxWxC>': not of the form HEIGHTxWIDTHxCHANNELS, such as 28x28x1
        hint: --help after a command shows its arguments
    "#]],
    );
    check(
        "munas cost --arch a.json",
        &expect![[r#"
        error: the following required arguments were not provided: --space <KIND> --input <HxWxC> --classes <N>
          Usage: munas cost --arch <FILE.json> --space <KIND> --input <HxWxC> --classes <N> [MODEL.tflite]
        hint: --help after a command shows its arguments
    "#]],
    );
    check(
        "munas bench --network D",
        &expect![[r#"
        error: invalid value 'D' for '--network <NETWORK>' [possible values: A, B, C]
        hint: --help after a command shows its arguments
    "#]],
    );
}

#[test]
fn help_and_version_are_no_errors() {
    for line in ["munas --help", "munas search --help", "munas --version", "munas help front"] {
        let outcome = parse::<Args>(line.split_whitespace().map(Into::into)).unwrap_err();
        assert!(matches!(outcome, Outcome::Help(_)), "{line}");
    }
}
