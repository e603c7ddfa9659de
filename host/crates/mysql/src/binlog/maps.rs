//! Table maps by their number, and what becomes of rows that name them.

use std::collections::HashMap;

use chameleon_model::TableName;

use super::plan::{self, Plan, PlanColumn};
use super::schemas::{Concern, Schemas};
use super::table_map;

/// Maps kept at most; a transaction's own are always there, because a number is used soon.
const MAX_MAPS: usize = 4096;

/// What becomes of the rows of a table.
#[derive(Debug)]
pub(super) enum Use {
    /// They are of no concern.
    Ignore,
    /// They are counted; without layouts by the event.
    Count {
        table: TableName,
        layouts: Option<Vec<PlanColumn>>,
    },
    /// They are decoded.
    Decode(Plan),
    /// They cannot be: the table is to be held.
    Refuse {
        table: TableName,
        refusal: Refusal,
        layouts: Option<Vec<PlanColumn>>,
    },
}

/// Why the rows of a table cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No statement that made it was seen.
    Unknown,
    /// It differs from the schema.
    Differs(String),
}

#[derive(Debug)]
struct Entry {
    /// The event.
    body: Box<[u8]>,
    /// What was made of it, and for which generation of the schemas.
    made: Option<(u64, Use)>,
}

/// Table maps.
#[derive(Debug, Default)]
pub(super) struct Maps {
    entries: HashMap<u64, Entry>,
}

impl Maps {
    /// Takes a TABLE_MAP event; `None` where it has no number and names. Plans are made with the
    /// first rows, and once for all maps that are alike.
    pub(super) fn put(&mut self, body: &[u8]) -> Option<()> {
        let (id, ..) = table_map::read_names(body)?;
        if let Some(entry) = self.entries.get(&id)
            && *entry.body == *body
        {
            return Some(());
        }
        if self.entries.len() >= MAX_MAPS {
            self.entries.clear();
        }
        let entry = Entry {
            body: body.into(),
            made: None,
        };
        self.entries.insert(id, entry);
        Some(())
    }

    /// Forgets all: numbers begin anew with a file.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// What becomes of rows that name a map; `None`: there is no such map.
    pub(super) fn get(&mut self, id: u64, schemas: &Schemas) -> Option<&Use> {
        let entry = self.entries.get_mut(&id)?;
        let current = schemas.generation;
        if entry
            .made
            .as_ref()
            .is_none_or(|(generation, _)| *generation != current)
        {
            entry.made = Some((current, make(&entry.body, schemas)));
        }
        entry.made.as_ref().map(|(_, made)| made)
    }
}

fn make(body: &[u8], schemas: &Schemas) -> Use {
    let Some((_, schema, table, rest)) = table_map::read_names(body) else {
        return Use::Ignore;
    };
    let table = schemas.name(schema, table);
    if schemas.concern(&table) != Concern::Replicated {
        return Use::Ignore;
    }
    let map = table_map::read(rest);
    let layouts = map.as_ref().and_then(plan::layouts);
    if schemas.is_held(&table) {
        return Use::Count { table, layouts };
    }
    let Some(map) = map else {
        let refusal = Refusal::Differs("its table map has a column of an unknown type".to_owned());
        return Use::Refuse {
            table,
            refusal,
            layouts,
        };
    };
    match schemas.find(&table) {
        Some(known) => match plan::make(&map, known) {
            Ok(plan) => Use::Decode(plan),
            Err(reason) => Use::Refuse {
                table,
                refusal: Refusal::Differs(reason),
                layouts,
            },
        },
        None if map.is_sequence() => Use::Ignore,
        None => Use::Refuse {
            table,
            refusal: Refusal::Unknown,
            layouts,
        },
    }
}
