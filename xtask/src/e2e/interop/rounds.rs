//! Tables of the simple types that pg_chameleon 1.3 handles, and rounds of changes to them. Each round is different, and
//! each touches rows of the rounds before it: a lost or repeated round shows.

use std::fmt::Write;

use anyhow::Result;
use mysql_async::prelude::Queryable;

use crate::{address::Address, shop::execute_script};

/// Rows of the great transaction of a round: more than pg_chameleon's batch, so that a batch is replayed in parts.
pub(crate) const MANY: u32 = 1_200;

const TABLES: &str = "\
create table people (
    id int not null auto_increment primary key,
    name varchar(80) not null,
    balance bigint not null,
    rate double null,
    born date null,
    seen datetime null,
    created timestamp not null default current_timestamp,
    opens time null,
    active tinyint not null default 1,
    grade enum('low', 'mid', 'high') null,
    price decimal(12,0) null,
    note text null,
    key by_name (name)
);
create table visits (
    person int not null,
    day date not null,
    hits int not null,
    remark varchar(200) null,
    primary key (person, day)
);
create table codes (
    code varchar(30) not null primary key,
    weight smallint not null,
    label varchar(60) null,
    unique key by_weight (weight)
);
";

/// Makes the database with some rows.
pub(crate) async fn make_source(source: &Address) -> Result<()> {
    let mut connection = source.database("").mysql().await?;
    connection
        .query_drop(format!(
            "create database `{}` character set utf8mb4",
            source.database
        ))
        .await?;
    connection.disconnect().await?;
    execute(source, TABLES).await?;
    change(source, 0).await
}

/// The changes of a round, in transactions of several sizes.
pub(crate) async fn change(source: &Address, round: u32) -> Result<()> {
    execute(source, &script(round)).await
}

/// A column more: what both must follow.
pub(crate) async fn add_column(source: &Address, column: &str) -> Result<()> {
    let statement = format!("alter table codes add column {column} int null;\n");
    execute(source, &statement).await
}

async fn execute(source: &Address, script: &str) -> Result<()> {
    let mut connection = source.mysql().await?;
    execute_script(&mut connection, script).await?;
    Ok(connection.disconnect().await?)
}

fn script(round: u32) -> String {
    let first = round * 100;
    let mut script = String::from("begin;\n");
    for number in first..first + 40 {
        let day = 1 + number % 28;
        let _ = writeln!(
            script,
            "insert into people (id, name, balance, rate, born, seen, created, opens, active, grade, price, note) \
             values ({id}, 'pérsøn {number}', {balance}, {rate}, '19{year:02}-02-{day:02}', \
             '2024-03-{day:02} 04:05:{second:02}', '2024-05-{day:02} 23:00:{second:02}', {opens}, {active}, \
             {grade}, {price}, {note});",
            id = number + 1,
            balance = i64::from(number) * -3_000_000_019,
            rate = if number % 4 == 0 {
                "null".into()
            } else {
                format!("{number}.5e-3")
            },
            year = number % 100,
            second = number % 60,
            opens = if number % 3 == 0 {
                "null".into()
            } else {
                format!("'09:{:02}:00'", number % 60)
            },
            active = number % 2,
            grade = ["'low'", "'mid'", "'high'", "null"][number as usize % 4],
            price = if number % 6 == 0 {
                "null".into()
            } else {
                format!("{number}00000")
            },
            note = [
                "null",
                "'it''s \"so\", {1}'",
                "'back\\\\slash'",
                "'two\\nlines, one\\ttab'",
                "''"
            ][number as usize % 5],
        );
    }
    script.push_str("commit;\n");
    let values: Vec<_> = (0..MANY)
        .map(|number| {
            format!(
                "({}, date_add('2000-01-01', interval {number} day), {number}, null)",
                round + 1
            )
        })
        .collect();
    let _ = writeln!(script, "insert into visits values {};", values.join(", "));
    for number in 0..10 {
        let _ = writeln!(
            script,
            "insert into codes (code, weight, label) values ('c{round}-{number}', {}, 'label {number}');",
            round * 10 + number
        );
    }
    // A transaction that touches all three, and older rounds; then one that never was.
    let _ = write!(
        script,
        "begin;\n\
         update people set balance = balance + {round} + 1, note = concat(coalesce(note, ''), '-{round}');\n\
         update people set id = id + 50 where id = {first} + 1;\n\
         delete from people where id = {first} + 2;\n\
         update visits set hits = hits + 1, remark = 'seen {round}' where hits % 7 = 0;\n\
         delete from visits where person = {round} + 1 and hits % 11 = 0;\n\
         update codes set code = concat(code, 'x'), label = null where weight % 10 = 3;\n\
         delete from codes where weight = {round} * 10 + 5;\n\
         insert into codes (code, weight, label) values ('again {round}', {round} * 10 + 5, 'again');\n\
         commit;\n\
         begin;\n\
         delete from people;\n\
         rollback;\n\
         update people set seen = null, grade = 'high' where id % 5 = 0;\n"
    );
    script
}
