//! Boards: how much memory a microcontroller has, how fast it is, and what it draws.
//!
//! | item | gives |
//! |---|---|
//! | [`builtin`] | the boards that come with munas (`boards.toml`) |
//! | [`BoardTable::parse`] | the boards of a user's text in the same form |
//! | [`find`], [`BoardTable::find`] | one board by its name |
//! | [`Board::bounds`] | what a network may take of it |
//! | [`crate::latency()`], [`crate::energy()`] | milliseconds and energy of a network on it |
//!
//! Sizes, clocks and currents are those of the data sheets ([`Power`] says which). The cycles per instruction of a core are an assumption,
//! stated in the table, so that everything derived from them is an estimate.

use std::sync::LazyLock;

mod families;
mod file_form;
mod power;

pub use power::{Power, PowerBasis};

use crate::code::{CodeModel, code_models};
use crate::instructions::{InstructionModel, instruction_models};

/// Why a table of boards was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BoardTableError {
    /// The text is not TOML, or has a key that a table of boards does not have.
    #[error("{0}")]
    Syntax(String),
    /// A board or core names something that is not in the table.
    #[error("`{owner}`: there is no {kind} `{name}` (known: {known})")]
    Unknown {
        /// The board or core with the reference.
        owner: String,
        /// What was referred to: `core` or `instruction model`.
        kind: &'static str,
        /// The name that is not known.
        name: String,
        /// The names that are, separated by commas.
        known: String,
    },
    /// A value is out of its range.
    #[error("`{owner}`: {field} = {value} is not {expected}")]
    Value {
        /// The board or core.
        owner: String,
        /// The key of the entry, such as `clock_mhz`.
        field: &'static str,
        /// The value that stands there, in the unit of the key.
        value: f64,
        /// What it should be.
        expected: &'static str,
    },
    /// A board with two accounts of its power.
    #[error("`{0}`: active_power_mw and [board.power] both say what it draws; one of them is enough")]
    TwoPowers(String),
    /// Currents without a word on where they are from.
    #[error("`{0}`: power.source does not say where the currents are from")]
    NoSource(String),
    /// Two boards or two cores of one text have the same name.
    #[error("`{0}` stands twice in the table")]
    Duplicate(String),
}

/// No board has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no board `{name}`")]
pub struct UnknownBoard {
    /// The name asked for.
    pub name: String,
    /// The core of its family, if that is known.
    pub core: Option<&'static str>,
    /// Whether no core of the table runs the code of its family.
    pub is_foreign: bool,
    /// The names most like it among boards with such a core, the best first; empty if none is like it.
    pub candidates: Vec<String>,
    /// All names, in the order of the table.
    pub known: Vec<String>,
}

/// A processor core: which instruction counts hold for it, and how many cycles an instruction takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Core {
    /// The name in the table, such as `cortex-m4`.
    pub name: String,
    /// The instruction counts of the core whose code it runs.
    pub instructions: &'static InstructionModel,
    /// The bytes of that core's code.
    pub code: &'static CodeModel,
    /// Cycles per counted instruction, memory waits included; 1 where the model counts cycles.
    pub cycles_per_instruction: f64,
}

/// A microcontroller or a board that carries one.
#[derive(Clone, Debug, PartialEq)]
pub struct Board {
    /// The name in the table, in lower case, such as `stm32f446re`.
    pub name: String,
    /// Other names by which it is found, such as `nucleo-f446re`.
    pub aliases: Vec<String>,
    /// One line for people.
    pub description: String,
    /// The core that runs the network.
    pub core: Core,
    /// Core clock in Hz.
    pub clock_hz: u64,
    /// RAM in bytes, all of it: see `usable_ram_share`.
    pub ram: u64,
    /// Bytes of program memory.
    pub flash: u64,
    /// Share of the RAM that activations may take; the rest is for stack, drivers and application.
    pub usable_ram_share: f64,
    /// Share of the flash that a network may take, its code included; the rest is for drivers and application.
    pub usable_flash_share: f64,
    /// What it draws at this clock, where the data sheet tells.
    pub power: Option<Power>,
}

/// What a network may take of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardBounds {
    /// Most bytes of activations at any step.
    pub peak_memory: u64,
    /// Most bytes of program memory: parameters, tables and code.
    pub flash: u64,
}

impl UnknownBoard {
    /// What may be meant or can be done; `own` says how the command takes boards of the user's own.
    pub fn advice(&self, own: &str) -> String {
        match (self.core, &self.candidates[..]) {
            (Some(core), _) if self.is_foreign => format!(
                "its core is {core}, of which munas has counted no instructions: no board of the table stands for it; {own}"
            ),
            (_, []) => format!("there are: {}; {own}", self.known.join(", ")),
            (_, candidates) => format!("did you mean {}?", candidates.join(" or ")),
        }
    }
}

impl Board {
    /// The bounds that the board's usable RAM and flash set, rounded down to whole bytes.
    pub fn bounds(&self) -> BoardBounds {
        let share_of = |bytes: u64, share: f64| (bytes as f64 * share) as u64;
        BoardBounds {
            peak_memory: share_of(self.ram, self.usable_ram_share),
            flash: share_of(self.flash, self.usable_flash_share),
        }
    }

    fn is_called(&self, name: &str) -> bool {
        self.names().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.aliases)
    }
}

/// Boards and the cores they have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoardTable {
    cores: Vec<Core>,
    boards: Vec<Board>,
}

/// The boards that come with munas.
pub fn builtin() -> &'static BoardTable {
    static BUILTIN: LazyLock<BoardTable> = LazyLock::new(|| {
        let table = BoardTable::default().extended(include_str!("boards/boards.toml"));
        table.expect("the table of the crate is valid: a test reads it")
    });
    &BUILTIN
}

/// The board of a name or alias among those that come with munas; upper and lower case are the same.
///
/// # Errors
/// [`UnknownBoard`] with the names most like it.
pub fn find(name: &str) -> Result<&'static Board, UnknownBoard> {
    builtin().find(name)
}

impl BoardTable {
    /// The boards of a text and those that come with munas; a board or core of the text replaces one of the same name.
    ///
    /// # Errors
    /// [`BoardTableError`] for a text that is not a table of boards, and for references that lead nowhere.
    pub fn parse(text: &str) -> Result<Self, BoardTableError> {
        builtin().extended(text)
    }

    /// The boards, in the order of the table.
    pub fn boards(&self) -> &[Board] {
        &self.boards
    }

    /// The cores, in the order of the table.
    pub fn cores(&self) -> &[Core] {
        &self.cores
    }

    /// The board of a name or alias; upper and lower case are the same.
    ///
    /// # Errors
    /// [`UnknownBoard`] with the names most like it.
    pub fn find(&self, name: &str) -> Result<&Board, UnknownBoard> {
        self.boards.iter().find(|board| board.is_called(name)).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> UnknownBoard {
        const LIKE: f64 = 0.8;
        const CANDIDATES: usize = 3;
        let lower = name.to_lowercase();
        let likeness = |board: &Board| {
            let each = board.names().map(|known| {
                let whole = strsim::jaro_winkler(known, &lower);
                if !lower.is_empty() && known.contains(&lower) { whole.max(0.9) } else { whole }
            });
            each.fold(0.0, f64::max)
        };
        let family = families::family(name);
        let may_stand_for =
            |board: &&Board| family.is_none_or(|family| family.cores.contains(&&*board.core.name));
        let scored = self.boards.iter().filter(may_stand_for).map(|board| (likeness(board), &board.name));
        let mut alike: Vec<(f64, &String)> = scored.filter(|(score, _)| *score > LIKE).collect();
        alike.sort_by(|a, b| b.0.total_cmp(&a.0));
        UnknownBoard {
            name: name.to_owned(),
            core: family.map(|family| family.core),
            is_foreign: family.is_some_and(|family| family.cores.is_empty()),
            candidates: alike.into_iter().take(CANDIDATES).map(|(_, known)| known.clone()).collect(),
            known: self.boards.iter().map(|board| board.name.clone()).collect(),
        }
    }

    /// This table with the cores and boards of a text added or replaced.
    fn extended(&self, text: &str) -> Result<Self, BoardTableError> {
        let file = file_form::BoardFile::read(text)?;
        let mut table = self.clone();
        for core in &file.core {
            replace(&mut table.cores, core.resolve(instruction_models(), code_models())?, |core| &core.name);
        }
        for board in &file.board {
            replace(&mut table.boards, board.resolve(&table.cores)?, |board| &board.name);
        }
        Ok(table)
    }
}

/// Puts `item` in the place of the one with its name, or at the end.
fn replace<T>(items: &mut Vec<T>, item: T, name: impl Fn(&T) -> &String) {
    match items.iter_mut().find(|known| name(known) == name(&item)) {
        Some(known) => *known = item,
        None => items.push(item),
    }
}

#[cfg(test)]
mod tests;
