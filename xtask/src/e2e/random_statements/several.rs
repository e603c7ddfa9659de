//! Statements that touch several tables or sessions' states: joins, triggers, transactions in two phases.

use super::Generator;

impl Generator {
    /// A transaction in two phases.
    pub(super) fn prepared_transaction(&mut self) -> Vec<String> {
        let xid = format!("'x{}'", self.number());
        let mut statements = vec![format!("xa start {xid}")];
        for _ in 0..self.random.between(1, 4) {
            statements.extend(self.dml());
        }
        let end = self
            .random
            .pick(&["commit", "commit", "commit", "rollback"]);
        statements.push(format!("xa end {xid}"));
        statements.push(format!("xa prepare {xid}"));
        statements.push(format!("xa {end} {xid}"));
        statements
    }

    /// Rows of two tables in one statement, or rows that are made of others.
    pub(super) fn joined(&mut self, table: &str) -> Option<String> {
        let has_id = |generator: &Self, table: &str| {
            let columns = generator.tables.get(table);
            columns.is_some_and(|columns| columns.iter().any(|c| c.name == "id"))
        };
        let other = self.table();
        if !has_id(self, table) || !has_id(self, &other) {
            return None;
        }
        if other == table {
            let columns = self.tables.get(table)?.clone();
            let columns: Vec<&str> = columns
                .iter()
                .filter(|c| c.name != "id")
                .map(|c| c.name.as_str())
                .collect();
            let (list, by) = (columns.join(", "), self.number() + 2_000_000);
            let comma = if list.is_empty() { "" } else { ", " };
            return Some(format!(
                "insert ignore into {table} (id{comma}{list}) select id + {by}{comma}{list} from {table} order by id limit 5"
            ));
        }
        let some = self.random.between(2, 9);
        if self.random.once_in(2) {
            return Some(format!(
                "delete a, b from {table} a join {other} b on a.id = b.id where a.id % {some} = 0"
            ));
        }
        let (one, two) = (self.column(table)?, self.column(&other)?);
        let (first, second) = (self.value(&one), self.value(&two));
        Some(format!(
            "update {table} a left join {other} b on a.id % 7 = b.id % 7 set a.{} = {first}, b.{} = {second} \
             where a.id % {some} = 0",
            one.name, two.name
        ))
    }

    /// What a trigger changes is in the binlog as rows. One that does not fit any more makes the source refuse
    /// statements until it is dropped.
    pub(super) fn trigger(&mut self, table: &str) -> String {
        let other = self.table();
        if other == table || self.random.once_in(3) {
            return format!("drop trigger if exists t_{table}");
        }
        let by = self.number() + 3_000_000;
        let body = self.random.pick(&["delete", "insert"]);
        if body == "delete" {
            return format!(
                "create trigger t_{table} after delete on {table} for each row delete from {other} where id = old.id"
            );
        }
        format!(
            "create trigger t_{table} after insert on {table} for each row insert ignore into {other} (id) values (new.id + {by})"
        )
    }
}
