//! Facts about a run: the table `meta`.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};

use munas_ir::Shape;

use crate::task::Task;

/// The key of the experiment as it was when the run was made.
pub(super) const EXPERIMENT: &str = "experiment";
/// The key of the journal's name for itself.
pub(super) const ID: &str = "id";
/// The key of the schema's version.
pub(super) const SCHEMA: &str = "schema_version";

/// The key of the epochs of a finalist's training.
pub(super) const FINALIST_EPOCHS: &str = "finalist_epochs";

/// A name that no other journal has.
pub(super) fn new_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let hash = blake3::hash(format!("{} {:?}", std::process::id(), now).as_bytes());
    hash.to_hex()[..16].to_owned()
}

/// A fact, if the journal has it.
pub(super) fn fact(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

/// Writes a fact, in place of what it said before.
pub(super) fn set_fact(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
    connection.execute(sql, params![key, value]).map(drop)
}

/// Writes the task of the run.
pub(super) fn write_task(connection: &Connection, task: &Task) -> rusqlite::Result<()> {
    let Shape { height, width, channels } = task.input;
    let input = serde_json::to_string(&[height, width, channels]).expect("numbers have a JSON form");
    let class_names = serde_json::to_string(&task.class_names).expect("texts have a JSON form");
    set_fact(connection, "dataset", &task.dataset)?;
    set_fact(connection, "fingerprint", &task.fingerprint)?;
    set_fact(connection, "input", &input)?;
    set_fact(connection, "class_names", &class_names)
}

/// The task of the run, or what is wrong with it.
pub(super) fn read_task(connection: &Connection) -> rusqlite::Result<Result<Task, String>> {
    let fact = |key: &str| fact(connection, key)?.ok_or(rusqlite::Error::QueryReturnedNoRows);
    let (dataset, fingerprint) = (fact("dataset")?, fact("fingerprint")?);
    let (input, class_names) = (fact("input")?, fact("class_names")?);
    let parse = || -> Result<Task, serde_json::Error> {
        let [height, width, channels] = serde_json::from_str(&input)?;
        let class_names = serde_json::from_str(&class_names)?;
        Ok(Task { dataset, fingerprint, input: Shape::new(height, width, channels), class_names })
    };
    Ok(parse().map_err(|error| format!("table meta: {error}")))
}
