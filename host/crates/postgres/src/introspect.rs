//! Tables of the target as they are.

use std::collections::HashMap;

use chameleon_model::{ExtensionTypes, PgType};
use tokio_postgres::types::Type;
use tokio_postgres::{GenericClient, Row};

use crate::error::PostgresError;

/// Types of extensions that the database has, where sessions find them without naming a schema: else
/// they would not find the operators either.
///
/// # Errors
/// Those of a failed statement.
pub async fn extension_types<C: GenericClient>(
    client: &C,
) -> Result<ExtensionTypes, PostgresError> {
    const QUERY: &str = "select e.extname::text, pg_catalog.format_type(t.oid, null) \
         from pg_catalog.pg_extension e \
         join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass \
           and d.refobjid = e.oid and d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass \
         join pg_catalog.pg_type t on t.oid = d.objid \
         where (e.extname, t.typname) in (('postgis', 'geometry'), ('vector', 'vector')) \
           and pg_catalog.pg_type_is_visible(t.oid)";
    let failed = |error| PostgresError::statement("look for types of extensions", &error);
    let mut found = ExtensionTypes::default();
    for row in client.query_typed(QUERY, &[]).await.map_err(failed)? {
        let (extension, name): (String, String) = (
            row.try_get(0).map_err(failed)?,
            row.try_get(1).map_err(failed)?,
        );
        match extension.as_str() {
            "postgis" => found.geometry = Some(name),
            _ => found.vector = Some(name),
        }
    }
    Ok(found)
}

/// A column as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundColumn {
    /// Name.
    pub name: String,
    /// Type; of a domain the type below it.
    pub ty: PgType,
    /// May hold NULL.
    pub nullable: bool,
    /// Identity column, of whichever kind.
    pub identity: bool,
    /// GENERATED ALWAYS AS (expression): it takes no value.
    pub generated: bool,
}

/// A unique index as found, other than the primary key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundIndex {
    /// Name, unquoted.
    pub name: String,
    /// Its plain columns in key order; included columns are not among them.
    pub columns: Vec<String>,
    /// Some part is an expression, which `columns` leaves out.
    pub expression: bool,
    /// It has a WHERE clause.
    pub partial: bool,
    /// NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
}

/// A table as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTable {
    /// Schema.
    pub schema: String,
    /// Table.
    pub name: String,
    /// Columns in order, dropped ones left out.
    pub columns: Vec<FoundColumn>,
    /// Columns of the primary key in key order; empty where there is none.
    pub primary_key: Vec<String>,
    /// Name of the primary key's constraint.
    pub primary_key_name: Option<String>,
    /// Unique indexes without the primary key's, by name.
    pub unique_indexes: Vec<FoundIndex>,
}

impl FoundTable {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&FoundColumn> {
        self.columns.iter().find(|c| c.name == name)
    }
}

/// `$1` schema, `$2` table. Follows domains down to the type below, whose modifier the innermost
/// domain that has one gives.
const COLUMNS: &str = "with recursive column_type as ( \
     select a.attrelid, a.attnum, a.atttypid as oid, a.atttypmod as modifier \
     from pg_catalog.pg_attribute a \
     join pg_catalog.pg_class c on c.oid = a.attrelid \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'f') \
     and a.attnum > 0 and not a.attisdropped \
     union all \
     select d.attrelid, d.attnum, t.typbasetype, t.typtypmod \
     from column_type d join pg_catalog.pg_type t on t.oid = d.oid where t.typtype = 'd') \
     select a.attname, t.oid, d.modifier, t.typtype = 'e', tn.nspname, t.typname, \
     pg_catalog.format_type(t.oid, d.modifier), not a.attnotnull, a.attidentity <> '', \
     a.attgenerated <> '' \
     from column_type d \
     join pg_catalog.pg_attribute a on a.attrelid = d.attrelid and a.attnum = d.attnum \
     join pg_catalog.pg_type t on t.oid = d.oid \
     join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace \
     where t.typtype <> 'd' order by a.attnum";

/// `$1` schema, `$2` table: a row per key part of each unique index, in order. Rows are read as
/// JSON because PostgreSQL 14 has no indnullsnotdistinct.
const INDEXES: &str = "select i.relname, x.indisprimary, x.indpred is not null, \
     coalesce((pg_catalog.to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false), \
     a.attname, k.attnum = 0, con.conname \
     from pg_catalog.pg_index x \
     join pg_catalog.pg_class i on i.oid = x.indexrelid \
     join pg_catalog.pg_class c on c.oid = x.indrelid \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     cross join lateral pg_catalog.unnest(x.indkey::smallint[]) with ordinality k (attnum, place) \
     left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum \
     and k.attnum > 0 \
     left join pg_catalog.pg_constraint con on con.conindid = i.oid and con.contype = 'p' \
     where n.nspname = $1 and c.relname = $2 and x.indisunique and x.indisvalid \
     and k.place <= x.indnkeyatts order by i.relname, k.place";

/// Reads a table's definition; `None` where there is no such table or it has no column.
pub async fn target_table(
    client: &impl GenericClient,
    schema: &str,
    table: &str,
) -> Result<Option<FoundTable>, PostgresError> {
    let attempt = || format!("read the definition of the table {schema}.{table}");
    let fault = |e: tokio_postgres::Error| PostgresError::statement(attempt(), &e);
    let name: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&schema, Type::TEXT), (&table, Type::TEXT)];
    let rows = client.query_typed(COLUMNS, &name).await.map_err(fault)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let columns = rows
        .iter()
        .map(found_column)
        .collect::<Result<_, _>>()
        .map_err(fault)?;
    let mut found = FoundTable {
        schema: schema.to_owned(),
        name: table.to_owned(),
        columns,
        primary_key: Vec::new(),
        primary_key_name: None,
        unique_indexes: Vec::new(),
    };
    let rows = client.query_typed(INDEXES, &name).await.map_err(fault)?;
    let mut numbers = HashMap::new();
    for row in &rows {
        add_index_part(&mut found, &mut numbers, row).map_err(fault)?;
    }
    Ok(Some(found))
}

fn add_index_part(
    found: &mut FoundTable,
    numbers: &mut HashMap<String, usize>,
    row: &Row,
) -> Result<(), tokio_postgres::Error> {
    let name: String = row.try_get(0)?;
    let column: Option<String> = row.try_get(4)?;
    if row.try_get(1)? {
        found.primary_key_name = row.try_get(6)?;
        found.primary_key.extend(column);
        return Ok(());
    }
    let number = match numbers.get(&name) {
        Some(&number) => number,
        None => {
            found.unique_indexes.push(FoundIndex {
                name: name.clone(),
                columns: Vec::new(),
                expression: false,
                partial: row.try_get(2)?,
                nulls_not_distinct: row.try_get(3)?,
            });
            numbers.insert(name, found.unique_indexes.len() - 1);
            found.unique_indexes.len() - 1
        }
    };
    let index = &mut found.unique_indexes[number];
    index.columns.extend(column);
    index.expression |= row.try_get::<_, bool>(5)?;
    Ok(())
}

fn found_column(row: &Row) -> Result<FoundColumn, tokio_postgres::Error> {
    let is_enum: bool = row.try_get(3)?;
    let ty = if is_enum {
        PgType::Enum {
            schema: row.try_get(4)?,
            name: row.try_get(5)?,
        }
    } else {
        let oid: u32 = row.try_get(1)?;
        let modifier: i32 = row.try_get(2)?;
        match built_in(oid, modifier) {
            Some(ty) => ty,
            None => PgType::Other(row.try_get(6)?),
        }
    };
    Ok(FoundColumn {
        name: row.try_get(0)?,
        ty,
        nullable: row.try_get(7)?,
        identity: row.try_get(8)?,
        generated: row.try_get(9)?,
    })
}

/// The type of that OID and modifier (-1: none), where it is one that encoders know. How modifiers
/// are packed: numeric.c, varchar.c, timestamp.c and varbit.c of the server.
fn built_in(oid: u32, modifier: i32) -> Option<PgType> {
    // lengths are stored with the four bytes of a value's header added
    let length = || u32::try_from(modifier.checked_sub(4)?).ok();
    let digits = || u8::try_from(modifier).unwrap_or(6);
    Some(match oid {
        21 => PgType::Int2,
        23 => PgType::Int4,
        20 => PgType::Int8,
        1700 if modifier < 0 => PgType::Numeric(None),
        1700 => {
            let packed = length()?;
            let precision = u16::try_from(packed >> 16).ok()?;
            // eleven bits, the uppermost of which means a negative scale
            let scale = u16::try_from(packed & 0x7ff).ok()?;
            if scale > precision {
                return None;
            }
            PgType::Numeric(Some((precision, scale)))
        }
        700 => PgType::Float4,
        701 => PgType::Float8,
        16 => PgType::Bool,
        1082 => PgType::Date,
        1083 => PgType::Time(digits()),
        1114 => PgType::Timestamp(digits()),
        1184 => PgType::Timestamptz(digits()),
        1186 if modifier < 0 => PgType::Interval(6),
        // the upper half tells the fields apart (`interval day`), all of them: 0x7fff
        1186 if modifier >> 16 == 0x7fff => {
            PgType::Interval(u8::try_from(modifier & 0xffff).unwrap_or(6))
        }
        1043 if modifier < 0 => PgType::Varchar(None),
        1043 => PgType::Varchar(Some(length()?)),
        1042 => PgType::Char(length()?),
        25 => PgType::Text,
        17 => PgType::Bytea,
        1560 => PgType::Bit(u32::try_from(modifier).ok()?),
        1562 => PgType::Varbit(u32::try_from(modifier).ok()),
        114 => PgType::Json,
        3802 => PgType::Jsonb,
        2950 => PgType::Uuid,
        869 => PgType::Inet,
        1009 => PgType::TextArray,
        1021 => PgType::Float4Array,
        _ => return None,
    })
}
