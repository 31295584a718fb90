//! TOML tables laid over one another, and `key=value` overrides.

use toml::{Table, Value};

use super::ExperimentError;

/// The table of a text.
pub(crate) fn parse(text: &str) -> Result<Table, ExperimentError> {
    text.parse().map_err(|error: toml::de::Error| ExperimentError::Syntax {
        message: error.to_string().trim_end().to_owned(),
    })
}

/// `over` laid over `under`: its values win, tables are merged key by key.
pub(crate) fn merge(mut under: Table, over: Table) -> Table {
    for (key, value) in over {
        let merged = match (under.remove(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => Value::Table(merge(below, above)),
            (_, value) => value,
        };
        under.insert(key, merged);
    }
    under
}

/// Takes a section out of `table` where `given` does not have it.
pub(super) fn drop_absent_section(table: &mut Table, given: &Table, [outer, inner]: [&str; 2]) {
    let is_given = given.get(outer).and_then(|section| section.get(inner)).is_some();
    if !is_given && let Some(section) = table.get_mut(outer).and_then(Value::as_table_mut) {
        section.remove(inner);
    }
}

/// Applies `section.key=value`; an empty value takes the key away. A value that is no TOML is a text, so that
/// `search.algorithm=random` needs no quotes. `section.key+=value` adds the entries of a list, or a single one, that are not in
/// the key's list yet.
pub(crate) fn apply_override(table: &mut Table, text: &str) -> Result<(), ExperimentError> {
    let invalid = |problem: String| ExperimentError::Override { text: text.to_owned(), problem };
    let (path, value) =
        text.split_once('=').ok_or_else(|| invalid("not of the form key=value".to_owned()))?;
    let (path, adds) = path.trim_end().strip_suffix('+').map_or((path, false), |path| (path, true));
    let mut sections: Vec<&str> = path.trim().split('.').map(str::trim).collect();
    if sections.contains(&"") {
        return Err(invalid("the key is empty".to_owned()));
    }
    let Some(key) = sections.pop() else { return Err(invalid("the key is empty".to_owned())) };
    let mut section = table;
    for name in sections {
        let entry = section.entry(name).or_insert_with(|| Value::Table(Table::new()));
        section = entry.as_table_mut().ok_or_else(|| invalid(format!("`{name}` is no section")))?;
    }
    match value.trim() {
        value if adds => {
            let list = section.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            let list = list.as_array_mut().ok_or_else(|| invalid(format!("`{key}` is no list")))?;
            let entries = match parse_value(value) {
                Value::Array(entries) => entries,
                entry => vec![entry],
            };
            for entry in entries {
                if !list.contains(&entry) {
                    list.push(entry);
                }
            }
        }
        "" => drop(section.remove(key)),
        value => drop(section.insert(key.to_owned(), parse_value(value))),
    }
    Ok(())
}

/// A TOML value, or the text itself where it is none.
fn parse_value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}
