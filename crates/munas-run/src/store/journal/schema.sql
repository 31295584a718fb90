CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id           INTEGER PRIMARY KEY,
    version      TEXT    NOT NULL,          -- of munas
    workers      INTEGER NOT NULL,
    trials_limit INTEGER NOT NULL,
    time_limit_s REAL,
    started_ms   INTEGER NOT NULL,          -- Unix time
    ended_ms     INTEGER,                   -- NULL: running, or killed
    end_reason   TEXT,
    memory_kills INTEGER                    -- by the system, of any process, until the session began; NULL: not known
) STRICT;

CREATE TABLE trial (
    id                     INTEGER PRIMARY KEY,         -- 1, 2, ... in the order of the proposals
    state                  TEXT    NOT NULL CHECK (state IN ('running', 'paused', 'done', 'stopped', 'failed')),
    reason                 TEXT,                        -- of a failure
    -- the proposal
    algorithm              TEXT    NOT NULL,
    space                  TEXT    NOT NULL,            -- kind of the architecture
    architecture           TEXT    NOT NULL,            -- JSON
    canonical_key          TEXT    NOT NULL,            -- hash of the canonical architecture: equal for duplicates
    epochs                 INTEGER NOT NULL,
    target_sparsity        REAL,                        -- NULL: no pruning
    seed                   INTEGER NOT NULL,            -- of the training
    history_length         INTEGER NOT NULL,            -- results known when it was proposed: arrivals 1..=history_length
    pending                TEXT    NOT NULL,            -- JSON list of the trials that were running then
    refused_hard           INTEGER NOT NULL,
    refused_soft           INTEGER NOT NULL,
    refused_duplicates     INTEGER NOT NULL,
    -- its resources: bytes, MACs, milliseconds; with pruning estimates until the trial is done, then those of what is left
    peak_memory            INTEGER NOT NULL,
    peak_memory_with_input INTEGER NOT NULL,
    model_size             INTEGER NOT NULL,
    macs                   INTEGER NOT NULL,
    exact                  INTEGER NOT NULL,            -- whether peak_memory is that of a provably best order
    latency_ms             REAL,
    -- its result: of its whole training, or before that the one with the lowest error that drives the search
    arrival                INTEGER UNIQUE,              -- of its latest result: 1, 2, ... in the order in which results came in
    validation_error       REAL,
    test_error             REAL,
    last_test_error        REAL,
    int8_error             REAL,
    best_epoch             INTEGER,
    sparsity               REAL,                        -- share that is pruned
    graph                  TEXT,                        -- what pruning has left, as JSON; NULL: that of the architecture
    train_seconds          REAL,
    started_ms             INTEGER NOT NULL,            -- Unix time
    finished_ms            INTEGER,
    -- since version 4
    refused_training       INTEGER NOT NULL DEFAULT 0,
    deaths                 INTEGER NOT NULL DEFAULT 0,  -- processes that were killed, for all that is known for want of memory, since it last recorded an epoch
    balanced_error         REAL,                        -- of the validation part: each class counts alike
    balanced_test_error    REAL,
    -- since version 5
    macro_f1_error         REAL,                        -- 1 - macro-F1 of the validation part
    macro_f1_test_error    REAL,
    int8_balanced_error    REAL,                        -- of the validation part
    int8_macro_f1_error    REAL,
    validation_stderr      REAL,                        -- standard error of the validation error that drives the search
    folds                  INTEGER,                     -- that the validation errors are the means of
    -- since version 6
    energy_mj              REAL,                        -- millijoules of an inference on the board
    flash                  INTEGER,                     -- bytes of its program memory
    -- since version 7
    peak_memory_of_model   INTEGER,                     -- bytes, as [memory] counts them; NULL: it counts what peak_memory does
    -- since version 8
    decision               INTEGER NOT NULL UNIQUE,     -- that began it: 1, 2, ... together with those of the table promotion
    trained_epochs         INTEGER,                     -- that the result is of
    CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CHECK (state NOT IN ('paused', 'done', 'failed') OR arrival IS NOT NULL),
    CHECK (state NOT IN ('paused', 'done') OR validation_error IS NOT NULL),
    CHECK ((trained_epochs IS NULL) = (validation_error IS NULL)),
    CHECK ((sparsity IS NULL) = (graph IS NULL))
) STRICT;

-- Decisions that a resting trial is trained on, to the end of a further rung.
CREATE TABLE promotion (
    decision       INTEGER PRIMARY KEY,
    trial          INTEGER NOT NULL REFERENCES trial (id),
    epochs         INTEGER NOT NULL,                    -- at the end of that rung
    history_length INTEGER NOT NULL,                    -- results known then: arrivals 1..=history_length
    pending        TEXT    NOT NULL,                    -- JSON list of the trials that were running then
    UNIQUE (trial, epochs)
) STRICT;

-- What trials came to at the ends of rungs, and at their own ends.
CREATE TABLE result (
    arrival INTEGER PRIMARY KEY,                        -- 1, 2, ... in the order in which results came in
    trial   INTEGER NOT NULL REFERENCES trial (id),
    epochs  INTEGER NOT NULL,                           -- at the end of the rung
    error   REAL,                                       -- that drives the search; NULL: the trial failed
    lost    INTEGER NOT NULL DEFAULT 0,                 -- 1: it failed with those who trained it; since version 10
    UNIQUE (trial, epochs)
) STRICT;

CREATE TABLE epoch (
    trial            INTEGER NOT NULL REFERENCES trial (id),
    epoch            INTEGER NOT NULL,
    learning_rate    REAL    NOT NULL,
    train_loss       REAL,                              -- NULL: not a number
    train_error      REAL    NOT NULL,
    validation_loss  REAL,
    validation_error REAL    NOT NULL,
    PRIMARY KEY (trial, epoch)
) STRICT, WITHOUT ROWID;

-- Which classes the networks of the front take for which.
CREATE TABLE confusion (
    trial      INTEGER NOT NULL REFERENCES trial (id),
    part       TEXT    NOT NULL CHECK (part IN ('validation', 'test')),
    counts     TEXT    NOT NULL,                        -- JSON: a list per true class with a count per predicted class
    PRIMARY KEY (trial, part)
) STRICT, WITHOUT ROWID;

-- Trainings of the networks that are trained anew, those that have ended; since version 9.
CREATE TABLE finalist (
    trial                  INTEGER NOT NULL REFERENCES trial (id),
    number                 INTEGER NOT NULL,            -- of the training: 1, 2, ...
    seed                   INTEGER NOT NULL,
    epochs                 INTEGER NOT NULL,
    teacher                INTEGER REFERENCES trial (id), -- whose network it learned from besides the labels
    state                  TEXT    NOT NULL CHECK (state IN ('done', 'failed')),
    reason                 TEXT,                        -- of a failure
    -- its resources, as those of a trial
    peak_memory            INTEGER NOT NULL,
    peak_memory_with_input INTEGER NOT NULL,
    model_size             INTEGER NOT NULL,
    macs                   INTEGER NOT NULL,
    exact                  INTEGER NOT NULL,
    latency_ms             REAL,
    energy_mj              REAL,
    flash                  INTEGER,
    peak_memory_of_model   INTEGER,
    -- its result: errors by the metric that drives the search
    validation_error       REAL,
    int8_error             REAL,                        -- of the validation part
    test_error             REAL,
    int8_test_error        REAL,
    validation_stderr      REAL,                        -- standard error of the validation error that drives the search
    folds                  INTEGER,
    best_epoch             INTEGER,
    sparsity               REAL,                        -- share that is pruned
    graph                  TEXT,                        -- what pruning has left, as JSON
    train_seconds          REAL,
    finished_ms            INTEGER NOT NULL,            -- Unix time
    PRIMARY KEY (trial, number),
    CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CHECK ((state = 'done') = (validation_error IS NOT NULL)),
    CHECK ((sparsity IS NULL) = (graph IS NULL))
) STRICT, WITHOUT ROWID;

-- What workers in other processes were given to do; since version 10.
CREATE TABLE attempt (
    session         INTEGER NOT NULL REFERENCES session (id),
    number          INTEGER NOT NULL,                   -- 1, 2, ... of the session's attempts
    trial           INTEGER NOT NULL REFERENCES trial (id),
    node            TEXT    NOT NULL,                   -- machine of the worker
    process         INTEGER NOT NULL,                   -- its process there
    version         TEXT    NOT NULL,                   -- of munas there
    instruction_set TEXT    NOT NULL,                   -- that its kernels use
    began_ms        INTEGER NOT NULL,                   -- Unix time
    ended_ms        INTEGER,                            -- NULL: it runs, or its end was never heard of
    given_up        TEXT,                               -- why, of one whose worker was lost
    refused         INTEGER NOT NULL DEFAULT 0,         -- results that came of it after it was given up
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_of_trial ON attempt (trial);
