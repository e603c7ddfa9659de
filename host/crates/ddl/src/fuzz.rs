//! The fuzz target: a plain function over bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use chameleon_model::{MappingRules, TableName, TableSchema, TypeProfile};

use crate::change::SchemaChange;
use crate::context::{Dialect, ParseContext};
use crate::mapping::Mapping;
use crate::{parse, render, resolve, split};

/// Parses, resolves and renders arbitrary bytes as a statement text. Must return, whatever they
/// are, without a panic and in a time linear in their length. The first byte chooses the server
/// and its settings.
pub fn fuzz_parse(data: &[u8]) {
    let (&choice, text) = data.split_first().unwrap_or((&0, &[]));
    let text = String::from_utf8_lossy(text);
    let mut cx = match choice & 3 {
        0 => ParseContext::new(Dialect::MySql, 50_744),
        1 => ParseContext::new(Dialect::MySql, 90_704),
        2 => ParseContext::new(Dialect::MariaDb, 100_527),
        _ => ParseContext::new(Dialect::MariaDb, 110_806),
    };
    cx = cx.in_schema("shop");
    cx.ansi_quotes = choice & 4 != 0;
    cx.no_backslash_escapes = choice & 8 != 0;
    cx.lower_case_names = choice & 16 != 0;
    cx.time_zone = (choice & 32 != 0).then_some("+02:00");
    let rules = MappingRules {
        profile: if choice & 64 != 0 {
            TypeProfile::PgChameleon
        } else {
            TypeProfile::Lossless
        },
        ..MappingRules::default()
    };
    let mut mapping = Mapping::new("dest", rules);
    let mut tables: BTreeMap<TableName, Arc<TableSchema>> = BTreeMap::new();
    let pieces: usize = split(&text).iter().map(|piece| piece.len()).sum();
    assert!(pieces <= text.len());
    // what follows is applied to tables of some width
    for sql in [START, &text] {
        let Ok(statements) = parse(sql, &cx) else {
            continue;
        };
        for statement in &statements {
            let Ok(changes) = resolve(statement, &cx, &tables) else {
                continue;
            };
            for change in changes {
                let _ = render::change(&change, &mapping);
                if let SchemaChange::Drop { before } | SchemaChange::Rename { before, .. } = &change
                {
                    tables.remove(&before.name);
                }
                if let Some(after) = change.after() {
                    tables.insert(after.name.clone(), Arc::clone(after));
                    mapping.learn([&**after]);
                }
            }
        }
    }
}

/// Tables that the fuzzed text finds.
const START: &str = "create table t (a int not null, b varchar(50), c int, d datetime(3), \
     e enum('x','y') not null, g geometry, x text, primary key (a), key kb (b(10), c), \
     unique uc (c), fulltext ft (x), constraint fk foreign key (c) references p (id)); \
     create table p (id int primary key, n int unsigned, v varchar(20) as (n) virtual, key kn (n))";
