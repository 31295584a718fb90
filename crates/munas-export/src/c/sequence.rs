//! C expressions for short sequences of sizes, which follow from a position: mostly lines that are cut off at an end.

use super::text;

/// Sequences that are no lines, as tables in flash.
#[derive(Debug, Default)]
pub(super) struct Tables {
    text: String,
}

impl Tables {
    /// The expression of element `position` of a sequence, where `position` is a C expression. The name is that of the table, if it takes
    /// one.
    pub(super) fn element(&mut self, name: &str, values: &[usize], position: &str) -> String {
        line(values, position).unwrap_or_else(|| {
            let table = format!("static const uint16_t munas_{name}[{}]", values.len());
            if !self.text.contains(&table) {
                self.text += &format!("{table} MUNAS_FLASH = {{\n{}}};\n", text::elements(values));
            }
            format!("MUNAS_READ_16(munas_{name} + {position})")
        })
    }

    /// The tables that were needed.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// The expression of a sequence that is constant, or a line that may be cut off at zero or at its last value.
fn line(values: &[usize], position: &str) -> Option<String> {
    let (&first, &last) = (values.first()?, values.last()?);
    let holds = |formula: &dyn Fn(usize) -> usize| {
        values.iter().enumerate().all(|(index, &value)| value == formula(index))
    };
    if holds(&|_| first) {
        return Some(format!("{first}u"));
    }
    let times = |step: usize| if step == 1 { position.to_owned() } else { format!("{position} * {step}u") };
    let plus = |step: usize, start: usize| match start {
        0 => times(step),
        start => format!("{} + {start}u", times(step)),
    };
    if let Some(step) = values[1].checked_sub(first) {
        if holds(&|index| index * step + first) {
            return Some(plus(step, first));
        }
        if holds(&|index| (index * step + first).min(last)) {
            return Some(format!("munas_smaller({}, {last}u)", plus(step, first)));
        }
    }
    if let Some(step) = first.checked_sub(values[1])
        && holds(&|index| first.saturating_sub(index * step))
    {
        let scaled = times(step);
        return Some(format!("({scaled} < {first}u ? {first}u - {scaled} : 0u)"));
    }
    let step = last.checked_sub(values[values.len() - 2])?;
    let before = ((values.len() - 1) * step).checked_sub(last)?;
    let scaled = times(step);
    holds(&|index| (index * step).saturating_sub(before))
        .then(|| format!("({scaled} > {before}u ? {scaled} - {before}u : 0u)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_expressions_and_all_else_is_a_table() {
        let of = |values: &[usize]| line(values, "row");
        assert_eq!(of(&[3]).unwrap(), "3u");
        assert_eq!(of(&[0, 1, 2]).unwrap(), "row");
        assert_eq!(of(&[2, 4, 6]).unwrap(), "row * 2u + 2u");
        assert_eq!(of(&[2, 3, 4, 4]).unwrap(), "munas_smaller(row + 2u, 4u)");
        assert_eq!(of(&[0, 0, 1, 2]).unwrap(), "(row > 1u ? row - 1u : 0u)");
        assert_eq!(of(&[2, 1, 0, 0]).unwrap(), "(row < 2u ? 2u - row : 0u)");
        assert_eq!(of(&[0, 0, 2, 4, 4]), None);
        assert_eq!(of(&[0, 1, 3, 4]), None);
        let mut tables = Tables::default();
        assert_eq!(tables.element("first_3", &[0, 1, 3, 4], "row"), "MUNAS_READ_16(munas_first_3 + row)");
        assert_eq!(tables.element("first_3", &[0, 1, 3, 4], "next"), "MUNAS_READ_16(munas_first_3 + next)");
        assert_eq!(
            tables.into_text(),
            "static const uint16_t munas_first_3[4] MUNAS_FLASH = {\n    0, 1, 3, 4,\n};\n"
        );
    }
}
