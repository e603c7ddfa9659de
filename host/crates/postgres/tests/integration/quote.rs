//! Hostile names and literals.

use chameleon_model::name::target_name;
use chameleon_postgres::introspect::target_table;
use chameleon_postgres::{quote_ident, quote_literal, quote_qualified};
use proptest::prelude::*;

use crate::server::with_database;
use crate::stored::sample;

fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("\"".to_owned()),
        Just("'".to_owned()),
        Just("\\".to_owned()),
        Just(".".to_owned()),
        Just("select".to_owned()),
        Just("--".to_owned()),
        Just("$$".to_owned()),
        Just("%s{}".to_owned()),
        Just("🦎".to_owned()),
        Just(" \n\t".to_owned()),
        "[^\\x00]{1,12}",
        "[A-Za-z]{20,64}",
    ];
    proptest::collection::vec(parts, 1..6).prop_map(|parts| parts.concat())
}

#[tokio::test]
async fn hostile_names_and_values_are_only_names_and_values() {
    with_database(|client, _| async move {
        let mut names = sample((hostile(), hostile(), hostile(), hostile()), 60);
        let fixed = [
            "order",
            "a\"b",
            "\\",
            "it's",
            "MiXed",
            "x.y",
            "\";drop schema public;--",
        ];
        names.extend(fixed.map(|n| (n.to_owned(), n.to_owned(), n.to_owned(), n.to_owned())));
        for (number, (schema, table, column, value)) in names.into_iter().enumerate() {
            // a name of the system's own is refused for another reason than its characters
            let schema = target_name(&format!("s{number}{schema}"));
            let (table, column) = (target_name(&table), target_name(&format!("c{column}")));
            let full = quote_qualified(&schema, &table);
            let (ident, literal) = (quote_ident(&column), quote_literal(&value));
            client
                .batch_execute(&format!(
                    "create schema {}; create table {full} ({ident} text unique);
                     set standard_conforming_strings = on; insert into {full} values ({literal});
                     delete from {full} where {ident} = {literal};
                     set standard_conforming_strings = off; set escape_string_warning = off;
                     insert into {full} ({ident}) values ({literal})",
                    quote_ident(&schema)
                ))
                .await
                .unwrap();
            let found = target_table(&client, &schema, &table)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(found.columns[0].name, column);
            assert_eq!(found.unique_indexes[0].columns, [column]);
            let rows = client
                .query(&format!("select {ident} from {full}"), &[])
                .await
                .unwrap();
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].get::<_, String>(0), value);
        }
    })
    .await;
}
