//! The tables that 1.2 damages, what it makes of them, and what is written to them afterwards.

use anyhow::Result;
use mysql_async::prelude::Queryable;

use crate::{address::Address, shop::execute_script};

/// A damage that 1.2 makes and `check` tells.
pub(super) struct Expected {
    /// Code of the finding.
    pub(super) code: &'static str,
    pub(super) table: &'static str,
    pub(super) columns: &'static [&'static str],
    /// Question to the target.
    pub(super) is_damaged: &'static str,
    /// Its answer where the damage is there.
    pub(super) damage: &'static str,
}

pub(super) const EXPECTED: &[Expected] = &[
    Expected {
        code: "TGT041",
        table: "amounts",
        columns: &["price", "rate"],
        is_damaged: "select string_agg(concat_ws('|', id, price, rate, whole), ' ' order by id) from replica.amounts",
        damage: "1|12|0|5 2|0|2|7",
    },
    Expected {
        code: "TGT042",
        table: "files",
        columns: &["body", "big", "code"],
        is_damaged: "select string_agg(encode(body, 'escape'), ' ' order by id) from replica.files",
        damage: "00FF10 616263 00ff10",
    },
    Expected {
        code: "TGT045",
        table: "files",
        columns: &["code (1 of 2"],
        is_damaged: "select string_agg(encode(code, 'escape'), ' ' order by id) from replica.files",
        damage: "61620000 61626364 6364",
    },
    Expected {
        code: "TGT043",
        table: "times",
        columns: &["took (2 of 2"],
        is_damaged: "select string_agg(took::text, ' ' order by id) from replica.times",
        damage: "02:00:00 22:30:00",
    },
    Expected {
        code: "TGT044",
        table: "words",
        columns: &["said (1 of 2", "big (1 of 1"],
        is_damaged: "select concat_ws('|', (select concat(said, big) from replica.words where id = 1), \
                     (select said from replica.words where id = 10))",
        damage: "hi ?x ? y|ok 😀",
    },
    Expected {
        code: "TGT046",
        table: "words",
        columns: &["plain (1 of 1"],
        is_damaged: "select string_agg(coalesce(plain, 'null'), ' ' order by id) from replica.words",
        damage: "ok null null NULL",
    },
    Expected {
        code: "TGT047",
        table: "bits",
        columns: &["u (1 of 1"],
        is_damaged: "select string_agg(id::text, ' ' order by id) from replica.bits",
        damage: "1 10",
    },
    Expected {
        code: "TGT048",
        table: "bits",
        columns: &["flags (1 of 2"],
        is_damaged: "select string_agg(flags::text, ' ' order by id) from replica.bits",
        damage: "5 110",
    },
    Expected {
        code: "CAT015",
        table: "loose",
        columns: &["no primary key"],
        is_damaged: "select string_agg(b, ' ' order by a) from replica.loose",
        damage: "x y",
    },
];

const TABLES: &str = "\
create table amounts (id int primary key, price decimal(10,2), rate decimal(12,4) not null, whole decimal(12,0));
insert into amounts values (1, 12.34, 0.1234, 5), (2, -0.05, 2, 7);
create table files (id int primary key, body blob, big longblob, code binary(4));
insert into files values (1, x'00ff10', x'deadbeef', x'61620000'), (2, 'abc', 'long', 'abcd');
create table times (id int primary key, took time, ends time);
insert into times values (1, '26:00:00', '10:11:12'), (2, '-01:30:00', '24:00:00');
create table words (id int primary key, said varchar(40), plain varchar(20) character set latin1, big text);
insert into words values (1, 'hi 😀', 'ok', 'x 🚀 y'), (2, 'why?', 'NULL', 'b?'), (3, 'gone', 'NULL', '');
create table bits (id int primary key, flags bit(8), u int unsigned);
insert into bits values (1, b'101', 1), (2, b'1', 4000000000);
create table loose (a int, b varchar(20));
insert into loose values (1, 'x'), (2, 'y');
create table healthy (id int primary key, n bigint, t text, d date, f double, m decimal(9,0), e enum('a', 'b'));
insert into healthy values (1, -5, 'größe?', '2020-02-29', 0.5, 12, 'b');
";

pub(super) const BY_THE_STREAM_OF_1_2: &str = "\
insert into files values (10, x'00ff10', x'01', x'63640000');
insert into words values (10, 'ok 😀', 'NULL', 'c');
insert into bits values (10, b'110', 5);
insert into loose values (3, 'z');
update loose set b = 'w' where a = 1;
insert into healthy values (10, 1, 'ten', null, null, null, null);
";

/// The repair of `words` comes before the host has read these.
pub(super) const WHILE_NOBODY_FOLLOWS: &str = "\
insert into words values (11, 'still 😀', 'd', 'e');
update words set plain = 'changed' where id = 10;
delete from words where id = 3;
insert into healthy values (11, 2, 'eleven', null, null, null, null);
insert into bits values (11, b'11', 6);
";

/// Rows of a batch that is not there, behind a foreign key that says otherwise.
pub(super) const ORPHANS: &str = "\
begin;
set local session_replication_role = replica;
insert into sch_chameleon.t_log_replica_2 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data)
select 900000, 'healthy', 'replica', 'insert', jsonb_build_object('id', 900 + n) from generate_series(1, 7) n;
commit;
";

/// Values that the columns of 1.2 take as they are.
pub(super) const WITHOUT_LOSS: &str = "\
insert into amounts values (20, 5, 2, 3);
insert into files values (20, x'00ff', x'02', x'65660000');
insert into times values (20, '11:12:13', '23:59:59');
insert into words values (20, 'yes 😀', 'NULL', 'n');
insert into bits values (20, b'111', 7);
update files set big = x'0a0b' where id = 1;
update bits set flags = b'1000' where id = 10;
update healthy set t = 'ten?', m = 13 where id = 10;
";

/// Questions to the target after these, and the answers.
pub(super) const WITHOUT_LOSS_EXPECTED: &[(&str, &str)] = &[
    (
        "select concat_ws('|', price, rate, whole) from replica.amounts where id = 20",
        "5|2|3",
    ),
    (
        "select concat_ws('|', encode(body, 'escape'), encode(big, 'escape'), encode(code, 'escape')) \
         from replica.files where id = 20",
        "00FF|02|65660000",
    ),
    (
        "select encode(big, 'escape') from replica.files where id = 1",
        "0A0B",
    ),
    (
        "select concat_ws('|', took, ends) from replica.times where id = 20",
        "11:12:13|23:59:59",
    ),
    (
        "select concat_ws('|', said, plain, big) from replica.words where id = 20",
        "yes 😀|NULL|n",
    ),
    (
        "select string_agg(flags::text, ' ' order by id) from replica.bits",
        "5 8 3 7",
    ),
    (
        "select concat_ws('|', t, m) from replica.healthy where id = 10",
        "ten?|13",
    ),
];

/// Values that have no place in the columns of 1.2.
pub(super) const WITH_LOSS: &str = "\
insert into amounts values (21, 0.5, 1.5, 1);
insert into times values (21, '30:00:00', null);
insert into bits values (21, b'0', 4100000000);
insert into healthy values (21, 3, 'none of these', null, null, null, null);
";

/// The tables that are held then, sorted.
pub(super) const HELD: &[&str] = &["amounts", "bits", "loose", "times"];

pub(super) const AFTER_ALL: &str = "\
insert into amounts values (30, 0.75, 1.2345, 1);
insert into files values (30, x'ff00', x'03', x'67000000');
insert into times values (30, '-838:59:59', '00:00:01');
insert into words values (30, '😀', 'NULL', '🚀');
insert into bits values (30, b'11111111', 4294967295);
insert into loose values (4, 'last'), (4, 'last');
delete from loose where a = 2;
update amounts set price = price + 0.01;
";

/// Makes the database.
pub(super) async fn make_source(source: &Address) -> Result<()> {
    let mut connection = source.database("").mysql().await?;
    let create = format!(
        "create database `{}` character set utf8mb4",
        source.database
    );
    connection.query_drop(create).await?;
    connection.disconnect().await?;
    statements(source, TABLES).await
}

pub(super) async fn statements(source: &Address, script: &str) -> Result<()> {
    let mut connection = source.mysql().await?;
    execute_script(&mut connection, script).await?;
    Ok(connection.disconnect().await?)
}
