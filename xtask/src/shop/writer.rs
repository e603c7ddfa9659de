//! Keeps the shop busy: transactions of inserts, updates and deletes, the same sequence for the same seed.

use std::time::{Duration, Instant};

use anyhow::Result;
use mysql_async::{Conn, prelude::Queryable};
use tokio::sync::watch;

use super::{
    rows::{self, Size},
    sql,
};
use crate::{address::Address, random::Random};

/// Ids of rows that a writer makes begin here, above all that are loaded.
const FIRST_NEW_ID: u64 = 1_000_000;

/// What has been written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Committed transactions.
    pub(crate) transactions: u64,
    /// Rows they changed.
    pub(crate) rows: u64,
}

/// Writes transactions into a shop.
#[derive(Debug)]
pub(crate) struct Writer {
    random: Random,
    size: Size,
    next_id: u64,
}

impl Writer {
    /// A writer for a shop of a size; writers of different seeds write different rows.
    pub(crate) fn new(seed: u64, size: Size) -> Self {
        Writer {
            random: Random::new(seed),
            size,
            next_id: FIRST_NEW_ID + (seed % 1_000) * 1_000_000,
        }
    }

    /// Writes until it is told to stop, at most `per_second` transactions a second; what is written is shown in
    /// `progress` after each.
    pub(crate) async fn run(
        mut self,
        address: Address,
        per_second: u32,
        mut stop: watch::Receiver<bool>,
        progress: watch::Sender<Written>,
    ) -> Result<Written> {
        let mut connection = address.mysql().await?;
        let begun = Instant::now();
        let mut written = Written::default();
        while !*stop.borrow_and_update() {
            written.rows += self.transaction(&mut connection).await?;
            written.transactions += 1;
            progress.send_replace(written);
            let due = begun
                + Duration::from_secs(1)
                    .mul_f64(written.transactions as f64 / f64::from(per_second));
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                _ = stop.changed() => {}
            }
        }
        connection.disconnect().await?;
        Ok(written)
    }

    /// Writes a number of transactions.
    pub(crate) async fn write(
        &mut self,
        connection: &mut Conn,
        transactions: u32,
    ) -> Result<Written> {
        let mut written = Written::default();
        for _ in 0..transactions {
            written.rows += self.transaction(connection).await?;
            written.transactions += 1;
        }
        Ok(written)
    }

    /// One transaction; returns how many rows it changed.
    async fn transaction(&mut self, connection: &mut Conn) -> Result<u64> {
        let statements = match self.random.below(20) {
            0..=9 => self.place_order(),
            10..=11 => self.new_customer(),
            12..=14 => self.change_customer(),
            15..=16 => self.change_prices(),
            17..=18 => self.take_back_order(),
            _ => self.undone_order(),
        };
        let mut rows = 0;
        connection.query_drop("start transaction").await?;
        for statement in &statements {
            connection.query_drop(statement).await?;
            rows += connection.affected_rows();
        }
        if self.random.once_in(30) {
            connection.query_drop("rollback").await?;
            return Ok(0);
        }
        connection.query_drop("commit").await?;
        Ok(rows)
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn place_order(&mut self) -> Vec<String> {
        let id = self.new_id();
        let order = rows::order(&mut self.random, id, self.size);
        let mut statements = vec![format!(
            "insert into orders ({}) values {order}",
            rows::ORDER_COLUMNS
        )];
        for number in 1..=self.random.between(1, 5) {
            let line = rows::line(&mut self.random, id, number, self.size);
            statements.push(format!(
                "insert into order_lines ({}) values {line}",
                rows::LINE_COLUMNS
            ));
        }
        if !self.random.once_in(3) {
            let payment = rows::payment(&mut self.random, id);
            statements.push(format!(
                "insert into payments ({}) values {payment}",
                rows::PAYMENT_COLUMNS
            ));
            statements.push(format!("update orders set state = 'paid' where id = {id}"));
        }
        statements
    }

    fn new_customer(&mut self) -> Vec<String> {
        let id = self.new_id();
        let customer = rows::customer(&mut self.random, id);
        vec![format!(
            "insert into customers ({}) values {customer}",
            rows::CUSTOMER_COLUMNS
        )]
    }

    fn change_customer(&mut self) -> Vec<String> {
        let id = self.random.between(1, self.size.customers);
        let points = self.random.below(200);
        let mail = sql::text(&format!("moved{}@shop.example", self.new_id()));
        vec![
            format!(
                "update customers set loyalty_points = loyalty_points + {points} where id = {id}"
            ),
            format!(
                "update customers set email = {mail}, wants_mail = 1 - wants_mail where id = {id}"
            ),
        ]
    }

    fn change_prices(&mut self) -> Vec<String> {
        let first = self.random.between(1, self.size.products());
        let percent = self.random.between(90, 112);
        vec![format!(
            "update products set price = least(round(price * {percent} / 100, 2), 99999.99), \
             in_stock = greatest(in_stock - 1, 0), rating = null where id between {first} and {}",
            first + 8
        )]
    }

    /// Deletes an order that this writer made, with all that belongs to it; it may be gone already.
    fn take_back_order(&mut self) -> Vec<String> {
        let span = (self.next_id - FIRST_NEW_ID) % 1_000_000;
        let id = self.next_id - self.random.below(span.max(1));
        vec![
            format!("delete from payments where order_id = {id}"),
            format!("delete from order_lines where order_id = {id}"),
            format!("delete from orders where id = {id}"),
        ]
    }

    /// An order that is changed and gone within one transaction.
    fn undone_order(&mut self) -> Vec<String> {
        let id = self.new_id();
        let order = rows::order(&mut self.random, id, self.size);
        vec![
            format!(
                "insert into orders ({}) values {order}",
                rows::ORDER_COLUMNS
            ),
            format!("update orders set note = 'changed' where id = {id}"),
            format!("delete from orders where id = {id}"),
        ]
    }
}
