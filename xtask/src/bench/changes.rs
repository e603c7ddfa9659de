//! The changes: transactions of ten on the sysbench table, 30 % inserts, 40 % updates and 30 % deletes of random rows,
//! and one last insert that tells when all have arrived. Source and publisher get the same ones.

use anyhow::Result;
use mysql_async::prelude::Queryable;

use super::data::{Data, NAME, Scale, digits};
use crate::{address::Address, random::Random};

/// The key of the row that is inserted last.
pub(super) const LAST_ID: u64 = 2_000_000_000;
/// Changes of one transaction.
const PER_TRANSACTION: u64 = 10;

/// A sequence of transactions.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    random: Random,
    ids: Vec<u64>,
    next_id: u64,
    left: u64,
    text: Vec<u8>,
}

impl Changes {
    /// How many changes there are, the last insert included.
    pub(super) fn count(scale: Scale) -> u64 {
        scale.of(200_000).next_multiple_of(PER_TRANSACTION) + 1
    }

    /// All of them, from the first on.
    pub(super) fn new(data: &Data, scale: Scale) -> Self {
        let rows = data.sysbench.rows;
        Changes {
            random: Random::new(200_001),
            ids: (1..=rows).collect(),
            next_id: rows + 1,
            left: Self::count(scale) - 1,
            text: Vec::new(),
        }
    }

    /// Writes all of them into a source's database.
    pub(super) async fn write_to_source(self, source: &Address) -> Result<()> {
        let mut connection = source.database(NAME).mysql().await?;
        for transaction in self {
            connection.query_drop(transaction).await?;
        }
        Ok(connection.disconnect().await?)
    }

    /// Writes all of them into a PostgreSQL database with the same table.
    pub(super) async fn write_to_publisher(self, publisher: &Address) -> Result<()> {
        let client = publisher.postgres().await?;
        client
            .batch_execute(&format!(
                "set search_path = {NAME}; set synchronous_commit = off"
            ))
            .await?;
        for transaction in self {
            client.batch_execute(&transaction).await?;
        }
        Ok(())
    }

    fn change(&mut self) -> String {
        let share = self.random.below(10);
        let at = usize::try_from(self.random.below(self.ids.len() as u64)).unwrap_or_default();
        if share < 3 {
            let id = self.next_id;
            self.next_id += 1;
            self.ids.push(id);
            return self.insert(id);
        }
        let id = self.ids.get(at).copied().unwrap_or_default();
        if share < 7 {
            let (k, c) = (self.random.below(1_000_000), self.words(10));
            return format!("update sbtest1 set k = {k}, c = '{c}' where id = {id}");
        }
        self.ids.swap_remove(at);
        format!("delete from sbtest1 where id = {id}")
    }

    fn insert(&mut self, id: u64) -> String {
        let (k, c, pad) = (self.random.below(1_000_000), self.words(10), self.words(5));
        format!("insert into sbtest1 (id, k, c, pad) values ({id}, {k}, '{c}', '{pad}')")
    }

    fn words(&mut self, groups: usize) -> String {
        self.text.clear();
        digits(&mut self.text, groups, &mut self.random);
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

impl Iterator for Changes {
    /// The statements of one transaction.
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.left == 0 {
            // The last one stands alone, and nothing stands behind it.
            self.left = u64::MAX;
            return Some(self.insert(LAST_ID));
        }
        if self.left == u64::MAX {
            return None;
        }
        let mut transaction = String::from("begin");
        for _ in 0..PER_TRANSACTION.min(self.left) {
            let change = self.change();
            transaction.push_str("; ");
            transaction.push_str(&change);
        }
        self.left = self.left.saturating_sub(PER_TRANSACTION);
        transaction.push_str("; commit");
        Some(transaction)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn changes_are_the_same_every_time_and_as_many_as_they_say() {
        let directory = tempfile::tempdir().expect("directory");
        let scale: Scale = "0.002".parse().expect("scale");
        let data = Data::write(Path::new(directory.path()), scale).expect("data");
        let all: Vec<String> = Changes::new(&data, scale).collect();
        assert_eq!(all, Changes::new(&data, scale).collect::<Vec<_>>());
        let words = ["insert into", "update sbtest1", "delete from"];
        let count = |word: &str| all.iter().map(|t| t.matches(word).count()).sum::<usize>();
        let changes: usize = words.iter().map(|word| count(word)).sum();
        assert_eq!(changes as u64, Changes::count(scale));
        assert!(words.iter().all(|word| count(word) > 50));
        assert!(
            all.last()
                .is_some_and(|last| last.contains(&LAST_ID.to_string()))
        );
    }
}
