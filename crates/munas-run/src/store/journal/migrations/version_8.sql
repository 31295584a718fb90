-- From version 7 to 8. Every trial of before had one decision, with its number, and one result.
CREATE TABLE trial_of_version_8 (
    id                     INTEGER PRIMARY KEY,
    state                  TEXT    NOT NULL CHECK (state IN ('running', 'paused', 'done', 'stopped', 'failed')),
    reason                 TEXT,
    algorithm              TEXT    NOT NULL,
    space                  TEXT    NOT NULL,
    architecture           TEXT    NOT NULL,
    canonical_key          TEXT    NOT NULL,
    epochs                 INTEGER NOT NULL,
    target_sparsity        REAL,
    seed                   INTEGER NOT NULL,
    history_length         INTEGER NOT NULL,
    pending                TEXT    NOT NULL,
    refused_hard           INTEGER NOT NULL,
    refused_soft           INTEGER NOT NULL,
    refused_duplicates     INTEGER NOT NULL,
    peak_memory            INTEGER NOT NULL,
    peak_memory_with_input INTEGER NOT NULL,
    model_size             INTEGER NOT NULL,
    macs                   INTEGER NOT NULL,
    exact                  INTEGER NOT NULL,
    latency_ms             REAL,
    arrival                INTEGER UNIQUE,
    validation_error       REAL,
    test_error             REAL,
    last_test_error        REAL,
    int8_error             REAL,
    best_epoch             INTEGER,
    sparsity               REAL,
    graph                  TEXT,
    train_seconds          REAL,
    started_ms             INTEGER NOT NULL,
    finished_ms            INTEGER,
    refused_training       INTEGER NOT NULL DEFAULT 0,
    deaths                 INTEGER NOT NULL DEFAULT 0,
    balanced_error         REAL,
    balanced_test_error    REAL,
    macro_f1_error         REAL,
    macro_f1_test_error    REAL,
    int8_balanced_error    REAL,
    int8_macro_f1_error    REAL,
    validation_stderr      REAL,
    folds                  INTEGER,
    energy_mj              REAL,
    flash                  INTEGER,
    peak_memory_of_model   INTEGER,
    decision               INTEGER NOT NULL UNIQUE,
    trained_epochs         INTEGER,
    CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CHECK (state NOT IN ('paused', 'done', 'failed') OR arrival IS NOT NULL),
    CHECK (state NOT IN ('paused', 'done') OR validation_error IS NOT NULL),
    CHECK ((trained_epochs IS NULL) = (validation_error IS NULL)),
    CHECK ((sparsity IS NULL) = (graph IS NULL))
) STRICT;

INSERT INTO trial_of_version_8 (
    id, state, reason, algorithm, space, architecture, canonical_key, epochs, target_sparsity, seed,
    history_length, pending, refused_hard, refused_soft, refused_duplicates, peak_memory,
    peak_memory_with_input, model_size, macs, exact, latency_ms, arrival, validation_error, test_error,
    last_test_error, int8_error, best_epoch, sparsity, graph, train_seconds, started_ms, finished_ms,
    refused_training, deaths, balanced_error, balanced_test_error, macro_f1_error, macro_f1_test_error,
    int8_balanced_error, int8_macro_f1_error, validation_stderr, folds, energy_mj, flash, peak_memory_of_model,
    decision, trained_epochs
) SELECT
    id, state, reason, algorithm, space, architecture, canonical_key, epochs, target_sparsity, seed,
    history_length, pending, refused_hard, refused_soft, refused_duplicates, peak_memory,
    peak_memory_with_input, model_size, macs, exact, latency_ms, arrival, validation_error, test_error,
    last_test_error, int8_error, best_epoch, sparsity, graph, train_seconds, started_ms, finished_ms,
    refused_training, deaths, balanced_error, balanced_test_error, macro_f1_error, macro_f1_test_error,
    int8_balanced_error, int8_macro_f1_error, validation_stderr, folds, energy_mj, flash, peak_memory_of_model,
    id, CASE WHEN validation_error IS NULL THEN NULL ELSE epochs END
FROM trial;

CREATE TABLE promotion (
    decision       INTEGER PRIMARY KEY,
    trial          INTEGER NOT NULL REFERENCES trial (id),
    epochs         INTEGER NOT NULL,
    history_length INTEGER NOT NULL,
    pending        TEXT    NOT NULL,
    UNIQUE (trial, epochs)
) STRICT;

CREATE TABLE result (
    arrival INTEGER PRIMARY KEY,
    trial   INTEGER NOT NULL REFERENCES trial (id),
    epochs  INTEGER NOT NULL,
    error   REAL,
    UNIQUE (trial, epochs)
) STRICT;
