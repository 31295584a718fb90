//! Journals of earlier versions of the schema.
//!
//! Each step leads from one version to the next. A journal that is opened to be gone on with takes all steps that it lacks
//! in one transaction; one that is only read takes them in a private copy (see `copy`), so that the rest of the journal
//! knows one schema alone. `schema.sql` is what all steps together lead to.
//!
//! | version | what is new |
//! |---|---|
//! | 2 | that of the first version of munas |
//! | 3 | `meta` has the experiment with which the run was made, and a name that no other journal has |
//! | 4 | balanced errors and confusions; draws that are too dear to train; processes that died under a trial |
//! | 5 | errors by macro-F1, balanced errors in int8, standard errors, folds; kills for want of memory |
//! | 6 | energy and flash on the board |
//! | 7 | peak memory under another runtime, or with the input elsewhere |
//! | 8 | rungs: trials that rest and are promoted, with a result for each rung |
//! | 9 | trainings of finalists |
//! | 10 | attempts of workers in other processes; trials that were lost with them |

use rusqlite::{Connection, Transaction};

use super::meta::{self, set_fact};
use crate::driving::{Driving, DrivingError};
use crate::experiment::Experiment;
use crate::judge::Metric;

/// The version of the schema that this version of munas writes.
pub const SCHEMA_VERSION: i32 = 10;

/// The oldest version of the schema that can be read.
pub const OLDEST_SCHEMA: i32 = 2;

/// Makes of a journal of the version before one of its own version; the experiment is that of the run.
type Step = fn(&Transaction<'_>, &Experiment) -> rusqlite::Result<()>;

/// The steps by the version that they lead to, in order and without a gap.
const STEPS: [(i32, Step); (SCHEMA_VERSION - OLDEST_SCHEMA) as usize] = [
    (3, record_experiment),
    (4, add_confusions),
    (5, add_standard_errors),
    (6, add_board_figures),
    (7, add_memory_of_model),
    (8, add_rungs),
    (9, add_finalists),
    (10, add_attempts),
];

/// Takes all steps from version `from` on.
pub(super) fn migrate(
    connection: &mut Connection,
    from: i32,
    experiment: &Experiment,
) -> rusqlite::Result<()> {
    // A table that is made anew takes the place of one that others refer to; only outside of a transaction can that be allowed.
    connection.pragma_update(None, "foreign_keys", false)?;
    let transaction = connection.transaction()?;
    for (_, step) in STEPS.iter().filter(|(version, _)| *version > from) {
        step(&transaction, experiment)?;
    }
    mark(&transaction)?;
    transaction.commit()?;
    connection.pragma_update(None, "foreign_keys", true)
}

/// Marks a journal as one of this version.
pub(super) fn mark(connection: &Connection) -> rusqlite::Result<()> {
    set_fact(connection, meta::SCHEMA, &SCHEMA_VERSION.to_string())?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)
}

/// The file of the experiment is all that there is of it; from now on it does not change any more.
fn record_experiment(transaction: &Transaction<'_>, experiment: &Experiment) -> rusqlite::Result<()> {
    set_fact(transaction, meta::EXPERIMENT, &experiment.to_toml())?;
    set_fact(transaction, meta::ID, &meta::new_id())
}

/// What the new columns count was not counted before.
fn add_confusions(transaction: &Transaction<'_>, _: &Experiment) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "ALTER TABLE trial ADD COLUMN refused_training INTEGER NOT NULL DEFAULT 0;
         ALTER TABLE trial ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
         ALTER TABLE trial ADD COLUMN balanced_error REAL;
         ALTER TABLE trial ADD COLUMN balanced_test_error REAL;
         CREATE TABLE confusion (
             trial      INTEGER NOT NULL REFERENCES trial (id),
             part       TEXT    NOT NULL CHECK (part IN ('validation', 'test')),
             counts     TEXT    NOT NULL,
             PRIMARY KEY (trial, part)
         ) STRICT, WITHOUT ROWID;",
    )
}

/// What the new columns hold cannot be told from what there was: it takes the validation samples and their groups.
fn add_standard_errors(transaction: &Transaction<'_>, _: &Experiment) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "ALTER TABLE trial ADD COLUMN macro_f1_error REAL;
         ALTER TABLE trial ADD COLUMN macro_f1_test_error REAL;
         ALTER TABLE trial ADD COLUMN int8_balanced_error REAL;
         ALTER TABLE trial ADD COLUMN int8_macro_f1_error REAL;
         ALTER TABLE trial ADD COLUMN validation_stderr REAL;
         ALTER TABLE trial ADD COLUMN folds INTEGER;
         ALTER TABLE session ADD COLUMN memory_kills INTEGER;",
    )
}

/// Figures that no search of before was bounded by.
fn add_board_figures(transaction: &Transaction<'_>, _: &Experiment) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "ALTER TABLE trial ADD COLUMN energy_mj REAL;
         ALTER TABLE trial ADD COLUMN flash INTEGER;",
    )
}

/// Every search of before was bounded by `peak_memory` itself.
fn add_memory_of_model(transaction: &Transaction<'_>, _: &Experiment) -> rusqlite::Result<()> {
    transaction.execute_batch("ALTER TABLE trial ADD COLUMN peak_memory_of_model INTEGER;")
}

/// Every trial of before had one decision, which had its number, and one result. What states a trial may have has changed with them,
/// which takes a new table.
fn add_rungs(transaction: &Transaction<'_>, experiment: &Experiment) -> rusqlite::Result<()> {
    transaction.execute_batch(include_str!("migrations/version_8.sql"))?;
    let Driving { error, metric } = experiment.search.driving();
    let column = match (error, metric) {
        (DrivingError::Float, Metric::Error) => "validation_error",
        (DrivingError::Float, Metric::Balanced) => "balanced_error",
        (DrivingError::Float, Metric::MacroF1) => "macro_f1_error",
        (DrivingError::Int8, Metric::Error) => "int8_error",
        (DrivingError::Int8, Metric::Balanced) => "int8_balanced_error",
        (DrivingError::Int8, Metric::MacroF1) => "int8_macro_f1_error",
    };
    transaction.execute_batch(&format!(
        "DROP TABLE trial;
         ALTER TABLE trial_of_version_8 RENAME TO trial;
         INSERT INTO result (arrival, trial, epochs, error)
             SELECT arrival, id, epochs, {column} FROM trial WHERE arrival IS NOT NULL;"
    ))
}

/// No network was trained anew before.
fn add_finalists(transaction: &Transaction<'_>, _: &Experiment) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE finalist (
             trial                  INTEGER NOT NULL REFERENCES trial (id),
             number                 INTEGER NOT NULL,
             seed                   INTEGER NOT NULL,
             epochs                 INTEGER NOT NULL,
             teacher                INTEGER REFERENCES trial (id),
             state                  TEXT    NOT NULL CHECK (state IN ('done', 'failed')),
             reason                 TEXT,
             peak_memory            INTEGER NOT NULL,
             peak_memory_with_input INTEGER NOT NULL,
             model_size             INTEGER NOT NULL,
             macs                   INTEGER NOT NULL,
             exact                  INTEGER NOT NULL,
             latency_ms             REAL,
             energy_mj              REAL,
             flash                  INTEGER,
             peak_memory_of_model   INTEGER,
             validation_error       REAL,
             int8_error             REAL,
             test_error             REAL,
             int8_test_error        REAL,
             validation_stderr      REAL,
             folds                  INTEGER,
             best_epoch             INTEGER,
             sparsity               REAL,
             graph                  TEXT,
             train_seconds          REAL,
             finished_ms            INTEGER NOT NULL,
             PRIMARY KEY (trial, number),
             CHECK ((state = 'failed') = (reason IS NOT NULL)),
             CHECK ((state = 'done') = (validation_error IS NOT NULL)),
             CHECK ((sparsity IS NULL) = (graph IS NULL))
         ) STRICT, WITHOUT ROWID;",
    )
}

/// All trials of before were trained in the process of the search.
fn add_attempts(transaction: &Transaction<'_>, _: &Experiment) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "ALTER TABLE result ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
         CREATE TABLE attempt (
             session         INTEGER NOT NULL REFERENCES session (id),
             number          INTEGER NOT NULL,
             trial           INTEGER NOT NULL REFERENCES trial (id),
             node            TEXT    NOT NULL,
             process         INTEGER NOT NULL,
             version         TEXT    NOT NULL,
             instruction_set TEXT    NOT NULL,
             began_ms        INTEGER NOT NULL,
             ended_ms        INTEGER,
             given_up        TEXT,
             refused         INTEGER NOT NULL DEFAULT 0,
             PRIMARY KEY (session, number)
         ) STRICT, WITHOUT ROWID;
         CREATE INDEX attempt_of_trial ON attempt (trial);",
    )
}
