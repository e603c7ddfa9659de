//! `t_replica_tables`: the tables that 1.3 replays, with their keys as 1.3 writes them.
//!
//! The key is an array of one element that holds all names, quoted and separated by commas, in a
//! `varchar(100)`. Tables without key, keys that do not fit and names that 1.3 would take apart
//! wrongly are not written there; our own replay does not need them.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db;
use crate::error::CatalogError;
use crate::ids::SourceId;

/// Longest key that `v_table_pkey` holds, in characters.
const MAX_KEY: usize = 100;

/// A registered table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredTable {
    /// Schema at the target.
    pub schema: String,
    /// Name at the target.
    pub name: String,
    /// Key columns, as they stand in `v_table_pkey`.
    pub key: String,
}

/// The key as `v_table_pkey` holds it; `None` where it cannot.
pub fn key_text(key: &[&str]) -> Option<String> {
    let names_are_plain = key.iter().all(|n| !n.is_empty() && !n.contains(['"', ',']));
    if key.is_empty() || !names_are_plain {
        return None;
    }
    let quoted: Vec<String> = key.iter().map(|n| format!("\"{n}\"")).collect();
    Some(quoted.join(",")).filter(|text| text.chars().count() <= MAX_KEY)
}

/// Registers a table, or renews its key. False: it cannot stand there (see the module), and an
/// entry that it had is removed.
pub async fn register(
    c: &impl GenericClient,
    source: SourceId,
    schema: &str,
    table: &str,
    key: &[&str],
) -> Result<bool, CatalogError> {
    let Some(key) = key_text(key).filter(|_| table.chars().count() <= MAX_KEY) else {
        unregister(c, source, schema, table).await?;
        return Ok(false);
    };
    let sql = "insert into sch_chameleon.t_replica_tables as t \
                      (i_id_source, v_table_name, v_schema_name, v_table_pkey) \
               values ($1, $2, $3, array[$4]) \
                   on conflict (i_id_source, v_table_name, v_schema_name) do update \
                  set v_table_pkey = excluded.v_table_pkey \
                where t.v_table_pkey is distinct from excluded.v_table_pkey";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table as _, Type::TEXT),
        (&schema as _, Type::TEXT),
        (&key as _, Type::TEXT),
    ];
    db::execute(c, "register the table", sql, &params).await?;
    Ok(true)
}

/// Removes a table's entry. False: it had none.
pub async fn unregister(
    c: &impl GenericClient,
    source: SourceId,
    schema: &str,
    table: &str,
) -> Result<bool, CatalogError> {
    let sql = "delete from sch_chameleon.t_replica_tables \
                where i_id_source = $1 and v_table_name = $2 and v_schema_name = $3";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table as _, Type::TEXT),
        (&schema as _, Type::TEXT),
    ];
    Ok(db::execute(c, "unregister the table", sql, &params).await? > 0)
}

/// Removes the entries of all tables of a source; returns their number.
pub async fn unregister_all(c: &impl GenericClient, source: SourceId) -> Result<u64, CatalogError> {
    let sql = "delete from sch_chameleon.t_replica_tables where i_id_source = $1";
    db::execute(c, "unregister the tables", sql, &[(&source.0, Type::INT8)]).await
}

/// The registered tables of a source, by schema and name.
pub async fn list(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Vec<RegisteredTable>, CatalogError> {
    let sql = "select v_schema_name::text as schema, v_table_name::text as name, \
                      array_to_string(v_table_pkey, ',') as key \
                 from sch_chameleon.t_replica_tables where i_id_source = $1 order by 1, 2";
    let params = [(&source.0 as _, Type::INT8)];
    let rows = db::query(c, "list the registered tables", sql, &params).await?;
    rows.iter()
        .map(|row| {
            Ok(RegisteredTable {
                schema: db::get(row, "schema")?,
                name: db::get(row, "name")?,
                key: db::get(row, "key")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_as_1_3_writes_it_or_not_at_all() {
        let check = |key: &[&str], expect: Option<&str>| {
            assert_eq!(key_text(key).as_deref(), expect, "{key:?}");
        };
        check(&["id"], Some("\"id\""));
        check(&["a b", "Ä"], Some("\"a b\",\"Ä\""));
        check(&[], None);
        check(&["a\"b"], None);
        check(&["a,b"], None);
        check(&[&"x".repeat(98)], Some(&format!("\"{}\"", "x".repeat(98))));
        check(&[&"x".repeat(99)], None);
    }
}
