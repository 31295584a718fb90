//! Rows of a table: one list of columns, from which their names, their reading and their binding follow.

/// Declares a row with the types of SQLite, a field for each column of the same name.
macro_rules! columns {
    ($(#[$meta:meta])* $name:ident { $($column:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(super) struct $name {
            $(pub $column: $type,)*
        }

        impl $name {
            /// The columns, in the order of [`values`](Self::values).
            pub const NAMES: &'static [&'static str] = &[$(stringify!($column)),*];

            pub fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(Self { $($column: row.get(stringify!($column))?,)* })
            }

            pub fn values(&self) -> Vec<&dyn rusqlite::ToSql> {
                vec![$(&self.$column),*]
            }
        }
    };
}

pub(super) use columns;

/// `?1, ?2, …` for so many columns.
pub(super) fn placeholders(count: usize) -> String {
    (1..=count).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ")
}

/// `a = ?1, b = ?2, …`.
pub(super) fn assignments<'a>(names: impl IntoIterator<Item = &'a &'static str>) -> String {
    let assigned = names.into_iter().enumerate().map(|(place, name)| format!("{name} = ?{}", place + 1));
    assigned.collect::<Vec<_>>().join(", ")
}
