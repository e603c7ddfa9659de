//! The source's tables as information_schema describes them.
//!
//! A constant number of queries, however many tables there are, each read row by row. What
//! information_schema cannot say exactly: it holds comments and labels in three-byte UTF-8, so a
//! character beyond U+FFFF comes as `?`. Labels are then looked up in the rows that use them
//! (`exact_labels`); comments stay as they came.

mod column_type;
mod exact_labels;
mod labels;

use std::collections::{BTreeMap, HashMap};

use chameleon_ddl::{Dialect, ParseContext, shown_default};
use chameleon_model::{
    Column, ColumnDefault, ForeignKey, Index, IndexKind, IndexPart, TableName, TableSchema,
    TypeKind,
};

pub(crate) use exact_labels::is_wide;

use crate::rows::{TextRow, quote, quote_ident, quote_list};
use crate::{SourceConn, SourceError, TableSelection};

/// Reads the schemas of the selected tables, sorted by name.
///
/// Columns stand in the order of the row image. Tables are base tables, MariaDB's system-versioned
/// ones among them (without hidden period columns, and without the row end in their primary key);
/// views and sequences are not. Errors: SRC003 where the database is not there.
pub async fn load_tables(
    conn: &mut SourceConn,
    database: &str,
    selection: &TableSelection,
) -> Result<Vec<TableSchema>, SourceError> {
    let database = find_database(conn, database).await?;
    let mut load = Load {
        scope: scope(&database, selection),
        database,
        tables: BTreeMap::new(),
    };
    load.tables(conn, selection).await?;
    load.columns(conn).await?;
    load.indexes(conn).await?;
    load.foreign_keys(conn).await?;
    if conn.info.is_mariadb() {
        load.json_checks(conn).await?;
        load.geometry_srids(conn).await?;
    }
    let mut tables: Vec<TableSchema> = load.tables.into_values().collect();
    tables.retain(|t| !t.columns.is_empty());
    exact_labels::look_up(conn, &mut tables).await?;
    Ok(tables)
}

/// The database's name as the server spells it: names are compared without case where
/// `lower_case_table_names` says so.
pub(crate) async fn find_database(
    conn: &mut SourceConn,
    database: &str,
) -> Result<String, SourceError> {
    let sql = format!(
        "select schema_name as name from information_schema.schemata where schema_name = {}",
        quote(database)
    );
    let rows = conn.rows("look for the database", &sql).await?;
    let any_case = conn.info.lower_case_table_names != 0;
    let mut names: Vec<String> = rows.iter().map(|r| r.owned("name")).collect();
    names.retain(|n| n == database || (any_case && n.to_lowercase() == database.to_lowercase()));
    names
        .into_iter()
        .next()
        .ok_or_else(|| SourceError::UnknownDatabase {
            database: database.to_owned(),
        })
}

/// Condition on `table_schema` and, where few tables are asked for, on `table_name`.
fn scope(database: &str, selection: &TableSelection) -> String {
    let mut scope = format!("table_schema = {}", quote(database));
    if !selection.limit.is_empty() && selection.limit.len() <= 1000 {
        let names = quote_list(selection.limit.iter().map(String::as_str));
        scope.push_str(&format!(" and table_name in ({names})"));
    }
    scope
}

/// The tables while they are put together.
struct Load {
    database: String,
    scope: String,
    tables: BTreeMap<String, TableSchema>,
}

impl Load {
    /// The table that a row is about; `None` where it is not one of ours. Servers compare schema
    /// names without case in some of these queries, so the schema is compared again.
    fn table(&mut self, row: &TextRow) -> Option<&mut TableSchema> {
        if row.text("table_schema") != Some(&self.database) {
            return None;
        }
        self.tables.get_mut(row.text("table_name")?)
    }

    async fn tables(
        &mut self,
        conn: &mut SourceConn,
        selection: &TableSelection,
    ) -> Result<(), SourceError> {
        let what = "read the tables";
        let sql = format!(
            "select table_schema as table_schema, table_name as table_name, \
             table_collation as table_collation, table_comment as table_comment \
             from information_schema.tables \
             where {} and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')",
            self.scope
        );
        conn.each(what, &sql, |row| {
            let name = row.required(what, "table_name")?;
            if row.text("table_schema") == Some(&self.database) && selection.matches(name) {
                let collation = row.text("table_collation");
                let table = TableSchema {
                    name: TableName::new(&self.database, name),
                    columns: Vec::new(),
                    primary_key: Vec::new(),
                    indexes: Vec::new(),
                    foreign_keys: Vec::new(),
                    comment: row.owned("table_comment"),
                    charset: collation.map(charset_of_collation),
                };
                self.tables.insert(name.to_owned(), table);
            }
            Ok(())
        })
        .await
    }

    async fn columns(&mut self, conn: &mut SourceConn) -> Result<(), SourceError> {
        let what = "read the columns";
        // 5.7 has no spatial reference systems, MariaDB has them in a table of their own
        let srid = if conn.info.mysql_since(80_003) {
            "srs_id"
        } else {
            "null"
        };
        let sql = format!(
            "select table_schema as table_schema, table_name as table_name, \
             column_name as column_name, ordinal_position as ordinal_position, \
             is_nullable as is_nullable, data_type as data_type, column_type as column_type, \
             character_maximum_length as character_maximum_length, \
             character_octet_length as character_octet_length, \
             numeric_precision as numeric_precision, numeric_scale as numeric_scale, \
             datetime_precision as datetime_precision, \
             character_set_name as character_set_name, collation_name as collation_name, \
             extra as extra, column_default as column_default, \
             generation_expression as generation_expression, column_comment as column_comment, {srid} as srid \
             from information_schema.columns where {}",
            self.scope
        );
        let dialect = if conn.info.is_mariadb() {
            Dialect::MariaDb
        } else {
            Dialect::MySql
        };
        let cx = ParseContext::new(dialect, conn.info.version);
        let mut order: HashMap<String, Vec<u32>> = HashMap::new();
        conn.each(what, &sql, |row| {
            let at: u32 = row.required_number(what, "ordinal_position")?;
            if let Some(table) = self.table(row) {
                table.columns.push(column(row, &cx));
                let name = table.name.name.clone();
                order.entry(name).or_default().push(at);
            }
            Ok(())
        })
        .await?;
        for (name, positions) in order {
            if positions.is_sorted() {
                continue;
            }
            if let Some(table) = self.tables.get_mut(&name) {
                let columns = std::mem::take(&mut table.columns);
                let mut pairs: Vec<_> = positions.into_iter().zip(columns).collect();
                pairs.sort_by_key(|(at, _)| *at);
                table.columns = pairs.into_iter().map(|(_, c)| c).collect();
            }
        }
        Ok(())
    }

    async fn indexes(&mut self, conn: &mut SourceConn) -> Result<(), SourceError> {
        let what = "read the indexes";
        let sql = format!(
            "select table_schema as table_schema, table_name as table_name, \
             index_name as index_name, seq_in_index as seq_in_index, non_unique as non_unique, \
             column_name as column_name, sub_part as sub_part, collation as direction, \
             index_type as index_type \
             from information_schema.statistics where {} \
             order by table_name, index_name, seq_in_index",
            self.scope
        );
        conn.each(what, &sql, |row| {
            let index = row.required(what, "index_name")?;
            if let Some(table) = self.table(row) {
                add_index_part(table, index, row);
            }
            Ok(())
        })
        .await
    }

    async fn foreign_keys(&mut self, conn: &mut SourceConn) -> Result<(), SourceError> {
        let what = "read the foreign keys";
        let sql = format!(
            "select constraint_schema as table_schema, table_name as table_name, \
             constraint_name as constraint_name, \
             unique_constraint_schema as referenced_schema, \
             referenced_table_name as referenced_table, \
             delete_rule as delete_rule, update_rule as update_rule \
             from information_schema.referential_constraints where constraint_schema = {} \
             order by table_name, constraint_name",
            quote(&self.database)
        );
        conn.each(what, &sql, |row| {
            if let Some(table) = self.table(row) {
                table.foreign_keys.push(ForeignKey {
                    name: row.owned("constraint_name"),
                    columns: Vec::new(),
                    referenced: TableName::new(
                        row.owned("referenced_schema"),
                        row.owned("referenced_table"),
                    ),
                    referenced_columns: Vec::new(),
                    on_delete: row.owned("delete_rule"),
                    on_update: row.owned("update_rule"),
                });
            }
            Ok(())
        })
        .await?;
        let sql = format!(
            "select table_schema as table_schema, table_name as table_name, \
             constraint_name as constraint_name, column_name as column_name, \
             referenced_column_name as referenced_column, ordinal_position as ordinal_position \
             from information_schema.key_column_usage \
             where {} and referenced_table_name is not null \
             order by table_name, constraint_name, ordinal_position",
            self.scope
        );
        conn.each(what, &sql, |row| {
            if let Some(table) = self.table(row)
                && let Some(key) = table
                    .foreign_keys
                    .iter_mut()
                    .find(|k| Some(k.name.as_str()) == row.text("constraint_name"))
            {
                key.columns.push(row.owned("column_name"));
                key.referenced_columns.push(row.owned("referenced_column"));
            }
            Ok(())
        })
        .await
    }

    /// MariaDB's JSON is LONGTEXT with the check that MariaDB itself adds for it.
    async fn json_checks(&mut self, conn: &mut SourceConn) -> Result<(), SourceError> {
        let sql = format!(
            "select constraint_schema as table_schema, table_name as table_name, \
             check_clause as check_clause \
             from information_schema.check_constraints where constraint_schema = {}",
            quote(&self.database)
        );
        conn.each("read the check constraints", &sql, |row| {
            let clause = row.owned("check_clause");
            if let Some(table) = self.table(row) {
                for column in &mut table.columns {
                    if column.ty.kind == TypeKind::Text && checks_json(&clause, &column.name) {
                        column.ty.kind = TypeKind::Json;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    async fn geometry_srids(&mut self, conn: &mut SourceConn) -> Result<(), SourceError> {
        let geometry = |t: &TableSchema| t.columns.iter().any(|c| c.ty.kind == TypeKind::Geometry);
        if !self.tables.values().any(geometry) {
            return Ok(());
        }
        let sql = format!(
            "select f_table_schema_alias as table_schema, table_name, column_name, srid from ( \
             select g_table_schema as f_table_schema_alias, g_table_name as table_name, \
             g_geometry_column as column_name, srid as srid \
             from information_schema.geometry_columns where g_table_schema = {}) as g",
            quote(&self.database)
        );
        conn.each("read the spatial references", &sql, |row| {
            let name = row.owned("column_name");
            let srid = row.number("srid").filter(|&srid| srid != 0);
            if let Some(table) = self.table(row)
                && let Some(column) = table.columns.iter_mut().find(|c| c.name == name)
            {
                column.ty.srid = srid;
            }
            Ok(())
        })
        .await
    }
}

fn column(row: &TextRow, cx: &ParseContext<'_>) -> Column {
    let extra = row.text("extra").unwrap_or_default().to_uppercase();
    let mut ty = column_type::column_type(row);
    // MariaDB: declared columns of a system-time period
    let period = match row.text("generation_expression") {
        Some("ROW START") => Some(" generated always as row start"),
        Some("ROW END") => Some(" generated always as row end"),
        _ => None,
    };
    if let Some(words) = period {
        ty.declared.push_str(words);
    }
    // MySQL 8 marks an expression; a column that is filled otherwise has no default
    let computed = extra.contains("DEFAULT_GENERATED");
    let default = match (row.bytes("column_default"), row.text("column_default")) {
        // MariaDB shows binary constants as they are
        (Some(_), None) => Some(ColumnDefault::Other),
        (_, shown) => shown_default(&ty, shown, computed, cx),
    };
    Column {
        name: row.owned("column_name"),
        ty,
        nullable: row.text("is_nullable") != Some("NO"),
        auto_increment: extra.contains("AUTO_INCREMENT"),
        generated: ["STORED", "VIRTUAL", "PERSISTENT"]
            .iter()
            .any(|word| extra.contains(word)),
        invisible: extra.contains("INVISIBLE"),
        target: None,
        default,
        comment: row.owned("column_comment"),
    }
}

fn add_index_part(table: &mut TableSchema, index: &str, row: &TextRow) {
    let column = row.text("column_name").and_then(|n| table.column_index(n));
    if index == "PRIMARY" {
        let row_end = |&c: &usize| !is_row_end(&table.columns[c]);
        table.primary_key.extend(column.filter(row_end));
        return;
    }
    let kind = match row.text("index_type").unwrap_or_default() {
        "FULLTEXT" => IndexKind::FullText,
        "SPATIAL" | "RTREE" => IndexKind::Spatial,
        "VECTOR" => IndexKind::Vector,
        _ => IndexKind::Btree,
    };
    let part = IndexPart {
        column,
        prefix: row.number("sub_part").filter(|_| kind == IndexKind::Btree),
        descending: row.text("direction") == Some("D"),
    };
    match table.indexes.last_mut() {
        Some(last) if last.name == index => last.parts.push(part),
        _ => table.indexes.push(Index {
            name: index.to_owned(),
            unique: row.text("non_unique") == Some("0"),
            kind,
            parts: vec![part],
        }),
    }
}

/// MariaDB: the column that ends a row's validity in a table WITH SYSTEM VERSIONING.
fn is_row_end(column: &Column) -> bool {
    column.generated && column.ty.declared.ends_with("as row end")
}

/// The clause demands that the column holds JSON, alone or together with other conditions.
fn checks_json(clause: &str, column: &str) -> bool {
    let json = format!("json_valid({})", quote_ident(column));
    let rest = match (clause.strip_prefix(&json), clause.strip_suffix(&json)) {
        (Some(rest), _) => rest.strip_prefix(" and "),
        (None, Some(rest)) => rest.strip_suffix(" and "),
        (None, None) => return false,
    };
    clause == json || rest.is_some_and(|rest| !rest.contains(" or "))
}

/// Every collation's name begins with its character set's: `utf8mb4_0900_ai_ci`, `binary`.
fn charset_of_collation(collation: &str) -> String {
    let charset = collation.split_once('_').map_or(collation, |(set, _)| set);
    charset.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_check_is_recognised() {
        let check = |clause: &str, expect: bool| {
            assert_eq!(checks_json(clause, "a`b"), expect, "{clause}");
        };
        check("json_valid(`a``b`)", true);
        check("json_valid(`a``b`) and octet_length(`a``b`) < 100", true);
        check("`x` > 1 and json_valid(`a``b`)", true);
        check("json_valid(`a``b`) or `x` > 1", false);
        check("json_valid(`a``b`) and `x` > 1 or `y` > 1", false);
        check("json_valid(`a`)", false);
    }

    #[test]
    fn the_character_set_stands_in_the_collations_name() {
        assert_eq!(charset_of_collation("utf8mb4_uca1400_ai_ci"), "utf8mb4");
        assert_eq!(charset_of_collation("latin1_swedish_ci"), "latin1");
        assert_eq!(charset_of_collation("binary"), "binary");
    }
}
