//! Generated source with a call of `harness_trace` after each operator, and after each row of one that runs in rows.

use munas_ir::{Graph, OpId};

use super::{CNetwork, VerifyError};

/// The network with calls of `harness_trace(operator, output, elements)` in its function.
///
/// An operator is a line of the function of the form `munas_kernel(&munas_layer_7, …, output);` or
/// `munas_add_7(…, output);`, or with another prefix ([`crate::c`] writes one for each operator). One that runs in rows has a line
/// `MUNAS_ROW_MADE(7, …);` instead, a macro that is made a call here.
pub(super) fn traced(network: &CNetwork, graph: &Graph) -> Result<CNetwork, VerifyError> {
    let row_made = format!("{}_ROW_MADE(", network.prefix.to_uppercase());
    let declaration = format!(
        "#include <stdint.h>\n#define HARNESS_TRACE\n\
         void harness_trace(uint16_t operator_index, const int8_t *tensor, uint32_t length);\n\
         #define {row_made}op, row, count) harness_trace(op, row, count)\n"
    );
    let mut traced = network.clone();
    let mut calls = 0;
    for file in &mut traced.files {
        if file.name == network.header {
            file.text.insert_str(0, &declaration);
        }
        if file.name.ends_with(".c") {
            let (text, found) = with_calls(&file.text, &network.prefix, graph);
            calls += found + text.lines().filter(|line| line.trim_start().starts_with(&row_made)).count();
            file.text = text;
        }
    }
    let operators = graph.nodes().len();
    if calls == operators { Ok(traced) } else { Err(VerifyError::Untraceable { found: calls, operators }) }
}

/// A source text with a call behind each operator, and the number of them.
fn with_calls(source: &str, prefix: &str, graph: &Graph) -> (String, usize) {
    let mut text = String::with_capacity(2 * source.len());
    let mut calls = 0;
    for line in source.lines() {
        text.push_str(line);
        text.push('\n');
        if let Some((op, output)) = operator_call(line, prefix) {
            let elements = graph.output_shape(op).elements();
            text.push_str(&format!("    harness_trace({}, {output}, {elements});\n", op.index()));
            calls += 1;
        }
    }
    (text, calls)
}

/// The operator that a line calls, and the expression of its output.
fn operator_call<'a>(line: &'a str, prefix: &str) -> Option<(OpId, &'a str)> {
    let call = line.strip_prefix("    ")?.strip_prefix(prefix)?.strip_prefix('_')?.strip_suffix(");")?;
    let layer = call.split_once(&format!("&{prefix}_layer_")).map(|(_, op)| op);
    let op = layer.or_else(|| call.strip_prefix("add_"))?;
    let digits = op.split(|character: char| !character.is_ascii_digit()).next()?;
    let (_, output) = call.rsplit_once(", ")?;
    Some((OpId::new(digits.parse().ok()?), output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_network_with_another_name_are_recognised() {
        let call = "    add_2_layer_1_dense(&add_2_layer_1_layer_12, input, output);";
        assert_eq!(operator_call(call, "add_2_layer_1"), Some((OpId::new(12), "output")));
    }

    #[test]
    fn calls_of_operators_are_recognised() {
        let call = "    munas_convolve_gathered(&munas_layer_12, munas_arena + 3, munas_arena + 40);";
        assert_eq!(operator_call(call, "munas"), Some((OpId::new(12), "munas_arena + 40")));
        let call = "    munas_add_3(input, munas_arena + 8, munas_arena);";
        assert_eq!(operator_call(call, "munas"), Some((OpId::new(3), "munas_arena")));
        for other in [
            "    return munas_element(sum);",
            "        munas_add_3(a, b);",
            "static void munas_add_3(const int8_t *a) {",
        ] {
            assert_eq!(operator_call(other, "munas"), None, "{other}");
        }
    }
}
