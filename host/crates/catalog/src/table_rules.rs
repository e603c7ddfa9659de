//! By which rules the stored rows of each table were written.

use std::collections::HashMap;

use chameleon_model::TableName;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db;
use crate::error::CatalogError;
use crate::ids::SourceId;

/// The fingerprints of a source's tables, as far as some were noted.
pub async fn load(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<HashMap<TableName, String>, CatalogError> {
    let sql = "select t_table_schema as schema, t_table_name as name, \
                      t_fingerprint as fingerprint \
                 from sch_chameleon.t_table_rules where i_id_source = $1";
    let rows = db::query(
        c,
        "read the tables' rules",
        sql,
        &[(&source.0 as _, Type::INT8)],
    )
    .await?;
    let mut found = HashMap::new();
    for row in rows {
        let name = TableName::new(
            db::get::<String>(&row, "schema")?,
            db::get::<String>(&row, "name")?,
        );
        found.insert(name, db::get(&row, "fingerprint")?);
    }
    Ok(found)
}

/// Notes the fingerprints of tables, in place of those that they had.
pub async fn save(
    c: &impl GenericClient,
    source: SourceId,
    tables: &[(&TableName, &str)],
) -> Result<(), CatalogError> {
    let column = |part: fn(&TableName) -> &str| -> Vec<&str> {
        tables.iter().map(|(table, _)| part(table)).collect()
    };
    let schemas = column(|table| &table.schema);
    let names = column(|table| &table.name);
    let fingerprints: Vec<&str> = tables.iter().map(|(_, text)| *text).collect();
    let sql = "insert into sch_chameleon.t_table_rules as t \
                      (i_id_source, t_table_schema, t_table_name, t_fingerprint) \
               select $1, n.s, n.t, n.f from unnest($2::text[], $3::text[], $4::text[]) n (s, t, f) \
                   on conflict (i_id_source, t_table_schema, t_table_name) do update \
                  set t_fingerprint = excluded.t_fingerprint \
                where t.t_fingerprint <> excluded.t_fingerprint";
    let params = [
        (&source.0 as _, Type::INT8),
        (&schemas as _, Type::TEXT_ARRAY),
        (&names as _, Type::TEXT_ARRAY),
        (&fingerprints as _, Type::TEXT_ARRAY),
    ];
    db::execute(c, "note the tables' rules", sql, &params).await?;
    Ok(())
}
