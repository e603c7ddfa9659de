//! Random statements that fit the tables as they are. The source may refuse one (a duplicate, a value out of range):
//! then it changes nothing, and the next one is drawn. What a statement made of the tables is read from the source
//! again, so that the generator follows no rules of its own.

mod several;

use std::collections::BTreeMap;

use anyhow::Result;
use mysql_async::{Conn, prelude::Queryable};

use super::random_values::Type;
use crate::random::Random;

/// Tables at the same time, and columns of one.
const MOST_TABLES: usize = 12;
const MOST_COLUMNS: usize = 14;

/// Types of new columns.
const TYPES: &[&str] = &[
    "tinyint",
    "smallint unsigned",
    "mediumint",
    "int",
    "int unsigned",
    "bigint",
    "bigint unsigned",
    "decimal(10,2)",
    "decimal(20,0)",
    "decimal(38,10)",
    "float",
    "double",
    "bit(1)",
    "bit(9)",
    "bit(40)",
    "year",
    "date",
    "datetime",
    "datetime(3)",
    "datetime(6)",
    "timestamp null",
    "timestamp(6) null",
    "time",
    "time(2)",
    "char(12)",
    "varchar(20)",
    "varchar(300)",
    "varchar(40) character set latin1 collate latin1_bin",
    "tinytext",
    "text",
    "mediumtext",
    "binary(5)",
    "varbinary(30)",
    "blob",
    "mediumblob",
    "enum('a','b','c')",
    "set('m','n','o')",
    "json",
    "tinyint(1)",
];

/// Types that a column of the word may be turned into by MODIFY.
fn wider(ty: &Type) -> &'static [&'static str] {
    match ty.word.as_str() {
        "tinyint" | "smallint" | "mediumint" => &[
            "int",
            "bigint",
            "smallint",
            "decimal(20,0)",
            "varchar(40)",
            "double",
        ],
        "int" => &[
            "bigint",
            "decimal(12,2)",
            "varchar(40)",
            "int unsigned",
            "text",
        ],
        "bigint" => &["decimal(30,0)", "varchar(40)", "bigint unsigned"],
        "decimal" => &["decimal(40,12)", "decimal(45,15)", "varchar(60)"],
        "float" => &["double"],
        "date" => &["datetime", "datetime(3)"],
        "datetime" => &["datetime(6)", "datetime", "date"],
        "timestamp" => &["timestamp(6) null", "timestamp null"],
        "time" => &["time(6)", "time"],
        "char" | "varchar" => &[
            "varchar(400)",
            "text",
            "mediumtext",
            "varchar(20)",
            "char(60)",
        ],
        "tinytext" | "text" => &["mediumtext", "longtext"],
        "binary" | "varbinary" => &["varbinary(60)", "blob"],
        "tinyblob" | "blob" => &["mediumblob", "longblob"],
        "enum" => &[
            "enum('a','b','c','d')",
            "enum('c','b','a','e')",
            "varchar(20)",
        ],
        "set" => &["set('m','n','o','p')", "varchar(60)"],
        _ => &[],
    }
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    ty: Type,
    nullable: bool,
    in_key: bool,
}

/// The tables of the source, and the numbers that new names and keys are made of.
#[derive(Debug)]
pub(super) struct Generator {
    random: Random,
    tables: BTreeMap<String, Vec<Column>>,
    next: u64,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            tables: BTreeMap::new(),
            next: 0,
        }
    }

    /// Reads the tables; those that random statements leave alone have other names.
    pub(super) async fn reload(&mut self, connection: &mut Conn, database: &str) -> Result<()> {
        let rows: Vec<(String, String, String, String, String, String)> = connection
            .exec(
                "select table_name, column_name, data_type, column_type, is_nullable, column_key \
                 from information_schema.columns where table_schema = ? and table_name like 'r\\_%' \
                 order by table_name, ordinal_position",
                (database,),
            )
            .await?;
        self.tables.clear();
        for (table, name, word, declared, nullable, key) in rows {
            self.tables.entry(table).or_default().push(Column {
                name,
                ty: Type { word, declared },
                nullable: nullable == "YES",
                in_key: key == "PRI",
            });
        }
        Ok(())
    }

    /// The next statements, for one session, in order. DDL comes alone.
    pub(super) fn draw(&mut self) -> Vec<String> {
        if self.tables.len() < 3 {
            return vec![self.create()];
        }
        match self.random.below(100) {
            0..14 => vec![self.ddl()],
            14..38 => self.transaction(),
            38..40 => self.prepared_transaction(),
            _ => self.dml().into_iter().collect(),
        }
    }

    /// A number that was never drawn before.
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn table(&mut self) -> String {
        let at = self.random.below(self.tables.len() as u64);
        let at = usize::try_from(at).unwrap_or_default();
        self.tables.keys().nth(at).cloned().unwrap_or_default()
    }

    /// A column of the table that is not in its key.
    fn column(&mut self, table: &str) -> Option<Column> {
        let columns: Vec<Column> = self
            .tables
            .get(table)?
            .iter()
            .filter(|c| !c.in_key)
            .cloned()
            .collect();
        let at = usize::try_from(self.random.below(columns.len() as u64)).ok()?;
        columns.into_iter().nth(at)
    }

    fn create(&mut self) -> String {
        let number = self.number();
        if !self.tables.is_empty() && self.random.once_in(8) {
            return format!("create table r_{number} like {}", self.table());
        }
        let mut parts = Vec::new();
        let key = self.random.below(5);
        match key {
            0 => {}
            1 => parts.push(
                "id bigint not null, part varchar(12) not null, primary key (part, id)".to_owned(),
            ),
            2 => parts.push("id int unsigned not null auto_increment primary key".to_owned()),
            3 => parts.push("id int not null, unique key u (id)".to_owned()),
            _ => parts.push("id int not null primary key".to_owned()),
        }
        for _ in 0..self.random.between(1, 6) {
            let number = self.number();
            let ty = self.random.pick(TYPES);
            let null = self.nullability(ty);
            parts.push(format!("c{number} {ty}{null}"));
        }
        format!(
            "create table r_{number} ({}) default charset = utf8mb4",
            parts.join(", ")
        )
    }

    /// NOT NULL once in a while, for types that have an implicit default which the replica keeps.
    fn nullability(&mut self, ty: &str) -> &'static str {
        let dateless = ["date", "datetime", "timestamp", "json", "year"];
        let possible = !dateless.iter().any(|word| ty.starts_with(word));
        if possible && self.random.once_in(4) {
            " not null"
        } else {
            ""
        }
    }

    fn ddl(&mut self) -> String {
        let table = self.table();
        let full = self.tables.len() >= MOST_TABLES;
        match self.random.below(24) {
            0 if full => format!("drop table {table}"),
            0 | 1 if !full => self.create(),
            2 => format!("truncate table {table}"),
            3 => {
                let number = self.number();
                format!("rename table {table} to r_{number}")
            }
            4 => {
                let (other, number) = (self.table(), self.number());
                if other == table {
                    return format!("alter table {table} comment = 'c{number}'");
                }
                format!(
                    "rename table {table} to r_{number}, {other} to {table}, r_{number} to {other}"
                )
            }
            5 => format!(
                "alter table {table} convert to character set {}",
                self.random.pick(&["utf8mb4", "utf8mb3"])
            ),
            6 => format!("alter table {table} drop primary key"),
            7 => format!("alter table {table} add primary key (id)"),
            8 => format!("alter table {table} engine = innodb"),
            9 => self.trigger(&table),
            _ => {
                let count = self.random.between(1, 3);
                let actions: Vec<String> = (0..count).filter_map(|_| self.action(&table)).collect();
                if actions.is_empty() {
                    return format!("alter table {table} comment = ''");
                }
                format!("alter table {table} {}", actions.join(", "))
            }
        }
    }

    fn action(&mut self, table: &str) -> Option<String> {
        let column = self.column(table);
        let many = self
            .tables
            .get(table)
            .is_some_and(|c| c.len() >= MOST_COLUMNS);
        let number = self.number();
        Some(match self.random.below(12) {
            0..4 if !many => {
                let ty = self.random.pick(TYPES);
                let null = self.nullability(ty);
                let place = match (self.random.below(3), column) {
                    (0, _) => " first".to_owned(),
                    (1, Some(column)) => format!(" after {}", column.name),
                    _ => String::new(),
                };
                format!("add column c{number} {ty}{null}{}{place}", self.default(ty))
            }
            4 | 5 => format!("drop column {}", column?.name),
            6 | 7 => {
                let column = column?;
                let to = wider(&column.ty);
                if to.is_empty() {
                    return None;
                }
                let to = self.random.pick(to);
                let null = if column.nullable || to.contains("null") {
                    ""
                } else {
                    " not null"
                };
                if self.random.once_in(3) {
                    return Some(format!(
                        "change column {} c{number} {to}{null}",
                        column.name
                    ));
                }
                format!("modify column {} {to}{null}", column.name)
            }
            8 => format!("rename column {} to c{number}", column?.name),
            9 => {
                let column = column?;
                let long = ["text", "blob", "json"]
                    .iter()
                    .any(|word| column.ty.word.contains(word));
                if long {
                    return None;
                }
                let unique = if self.random.once_in(3) {
                    "unique "
                } else {
                    ""
                };
                format!("add {unique}index i{number} ({})", column.name)
            }
            10 => format!("alter column {} drop default", column?.name),
            _ => format!("comment = 'n{number}'"),
        })
    }

    /// A DEFAULT of a new column, whose value rows that exist already get.
    fn default(&mut self, ty: &str) -> &'static str {
        let word = ty.split(['(', ' ']).next().unwrap_or_default();
        if !self.random.once_in(2) {
            return "";
        }
        match word {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => " default 7",
            "decimal" => " default 1.5",
            "float" | "double" => " default 0.25",
            "char" | "varchar" => " default 'it''s'",
            "enum" => " default 'b'",
            "set" => " default 'm,o'",
            "date" => " default '2020-02-29'",
            "datetime" => " default '2020-02-29 01:02:03'",
            "time" => " default '-12:00:00'",
            "binary" | "varbinary" => " default x'00ff'",
            "bit" => " default b'1'",
            _ => "",
        }
    }

    fn transaction(&mut self) -> Vec<String> {
        let mut statements = vec!["start transaction".to_owned()];
        for n in 0..self.random.between(1, 5) {
            if self.random.once_in(6) {
                statements.push(format!("savepoint s{n}"));
                statements.extend(self.dml());
                statements.push(format!("rollback to savepoint s{n}"));
            }
            statements.extend(self.dml());
        }
        let end = if self.random.once_in(8) {
            "rollback"
        } else {
            "commit"
        };
        statements.push(end.to_owned());
        statements
    }

    fn dml(&mut self) -> Option<String> {
        let table = self.table();
        match self.random.below(11) {
            10 => self.joined(&table),
            0..5 => Some(self.insert(&table)),
            5..8 => self.update(&table),
            8 => Some(format!(
                "delete from {table} where {}",
                self.condition(&table)
            )),
            _ => Some(format!(
                "delete from {table} limit {}",
                self.random.between(1, 3)
            )),
        }
    }

    fn insert(&mut self, table: &str) -> String {
        let columns = self.tables.get(table).cloned().unwrap_or_default();
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let mut rows = Vec::new();
        for _ in 0..self.random.between(1, 12) {
            let values: Vec<String> = columns.iter().map(|c| self.value(c)).collect();
            rows.push(format!("({})", values.join(", ")));
        }
        let verb = self.random.pick(&[
            "insert into",
            "insert into",
            "insert ignore into",
            "replace into",
        ]);
        let mut sql = format!(
            "{verb} {table} ({}) values {}",
            names.join(", "),
            rows.join(", ")
        );
        if verb == "insert into"
            && self.random.once_in(5)
            && let Some(column) = self.column(table)
        {
            let value = self.value(&column);
            sql.push_str(&format!(
                " on duplicate key update {} = {value}",
                column.name
            ));
        }
        sql
    }

    fn value(&mut self, column: &Column) -> String {
        if column.name == "id" {
            // mostly new, now and then one that is there
            return if self.random.once_in(10) {
                self.random.below(self.next + 1).to_string()
            } else {
                self.number().to_string()
            };
        }
        if column.nullable && self.random.once_in(5) {
            return "null".into();
        }
        column.ty.literal(&mut self.random)
    }

    fn update(&mut self, table: &str) -> Option<String> {
        let column = self.column(table)?;
        let value = self.value(&column);
        let has_id = self.tables.get(table)?.iter().any(|c| c.name == "id");
        if has_id && self.random.once_in(8) {
            let by = self.number() + 1_000_000;
            return Some(format!(
                "update {table} set id = id + {by} where {} limit 2",
                self.condition(table)
            ));
        }
        Some(format!(
            "update {table} set {} = {value} where {}",
            column.name,
            self.condition(table)
        ))
    }

    fn condition(&mut self, table: &str) -> String {
        let has_id = self
            .tables
            .get(table)
            .is_some_and(|t| t.iter().any(|c| c.name == "id"));
        if has_id {
            return format!("id % {} = 0", self.random.between(2, 40));
        }
        match self.column(table) {
            Some(column) => format!("{} is {}null", column.name, self.random.pick(&["", "not "])),
            None => "1 = 1".into(),
        }
    }
}
