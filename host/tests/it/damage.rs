//! What `check` tells of tables that pg_chameleon 1.x made. The tables are made here as 1.x makes them; the end-to-end
//! suite has the real ones.

use serde_json::Value;

use crate::bench::Bench;

const V12: &str = include_str!("../../../testdata/catalogs/1.2.original.sql");

/// A catalog of 1.2 with the source `shop`, which was initialised.
fn bench(more: &str) -> Bench {
    let bench = Bench::new();
    bench.postgres(V12);
    bench.postgres(
        "update sch_chameleon.t_sources set t_source = 'shop', t_dest_schema = 'sch_shop'; \
         insert into sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, \
                i_binlog_position, v_log_table) \
         select i_id_source, 'binlog.000001', 154, 't_log_replica_1' \
           from sch_chameleon.t_sources; \
         create schema sch_shop",
    );
    bench
        .home
        .write_config("default", &bench.config("shop", more));
    bench
}

/// Findings of damage as `CODE table: what`.
fn damage(bench: &Bench) -> Vec<String> {
    let json = bench.run(&["check", "--json"]).json();
    let findings = json["sources"][0]["findings"].as_array().cloned();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = findings.unwrap_or_default().into_iter().map(|f| {
        format!(
            "{} {}: {}",
            text(&f["code"]),
            text(&f["object"]),
            text(&f["what"])
        )
    });
    let damage = |line: &String| line.starts_with("TGT04") && !line.starts_with("TGT040");
    told.filter(|line| damage(line) || line.starts_with("CAT015"))
        .collect()
}

#[test]
fn each_damage_is_told_where_it_is_and_not_elsewhere() {
    let bench = bench("");
    bench.mysql(
        "create table DB.words (a int, b varchar(9), said varchar(20) character set utf8mb4, \
         plain varchar(20) character set latin1, primary key (a, b)); \
         insert into DB.words values (1, 'it''s', 'x😀', 'NULL'), (2, 'b', 'y😀', 'NULL'), \
         (3, 'c', 'why?', null); \
         create table DB.times (id int primary key, took time, ends time); \
         insert into DB.times values (1, '30:00:00', '24:00:00'), (2, '-1:00:00', '01:00:00'); \
         create table DB.nums (id bigint unsigned primary key, u int unsigned, f bit(8)); \
         insert into DB.nums values (1, 4000000000, 5), (2, 2, b'110'); \
         create table DB.keys (id int unsigned, n int unsigned, said varchar(20) character set \
         utf8mb4, primary key (id, n)); \
         insert into DB.keys values (1, 1, '😀'), (4000000000, 1, '😀'), (1, 4000000000, 'x')",
    );
    bench.postgres(
        "create table sch_shop.words (a int, b varchar(9), said varchar(20), plain varchar(20), \
         constraint pk_words_0 primary key (a, b)); \
         insert into sch_shop.words values (1, 'it''s', 'x?', null), (2, 'b', 'y😀', 'NULL'), \
         (3, 'c', 'why?', null); \
         create table sch_shop.times (id int constraint pk_times_1 primary key, took time, \
         ends time); \
         insert into sch_shop.times values (1, '06:00', '24:00'), (2, '23:00', '01:00'); \
         create table sch_shop.nums (id bigint constraint pk_nums_2 primary key, u int, f int); \
         insert into sch_shop.nums values (2, 2, 110); \
         create table sch_shop.keys (id int, n int, said varchar(20), \
         constraint pk_keys_3 primary key (id, n)); \
         insert into sch_shop.keys values (1, 1, '?')",
    );
    assert_eq!(
        damage(&bench),
        [
            "TGT047 keys: id (1 of 1 rows compared), n (1 of 1 rows compared): rows are missing \
             whose number is too great for the column",
            "TGT044 keys: said (1 of 1 rows compared): characters beyond U+FFFF became question \
             marks",
            "TGT047 nums: u (1 of 1 rows compared): rows are missing whose number is too great \
             for the column",
            "TGT048 nums: f (1 of 1 rows compared): bits were stored as a decimal number of the \
             same digits",
            "TGT043 times: took (2 of 2 rows compared): times beyond 24 hours, or below zero, \
             wrapped",
            "TGT044 words: said (1 of 2 rows compared): characters beyond U+FFFF became question \
             marks",
            "TGT046 words: plain (1 of 2 rows compared): the text NULL became NULL",
        ]
    );
    let text = bench.run(&["check"]).expect(1).stdout;
    assert!(
        !text.contains("TGT031"),
        "the schema is the source's: {text}"
    );
    // copied anew, the tables have keys of this program
    bench.postgres(
        "alter table sch_shop.words rename constraint pk_words_0 to \"words_PRIMARY\"; \
         alter table sch_shop.times rename constraint pk_times_1 to \"times_PRIMARY\"; \
         alter table sch_shop.nums rename constraint pk_nums_2 to \"nums_PRIMARY\"; \
         alter table sch_shop.keys rename constraint pk_keys_3 to \"keys_PRIMARY\"",
    );
    assert_eq!(damage(&bench), [""; 0]);
}

#[test]
fn hex_digits_are_known_by_hexify_or_by_comparing_bytes() {
    let bench = bench("hexify: [blob]\n");
    bench.mysql(
        "create table DB.files (id int primary key, body blob, big longblob, code binary(4), \
         raw varbinary(9)); \
         insert into DB.files values (1, x'00ff', x'0a', 'ab', '6162'), (2, x'', null, 'abcd', 'x')",
    );
    bench.postgres(
        "create table sch_shop.files (id int constraint pk_files_0 primary key, body bytea, \
         big bytea, code bytea, raw bytea); \
         insert into sch_shop.files values (1, '00FF', '0a', 'ab', '6162'), \
         (2, '', null, 'abcd', 'x')",
    );
    let told = damage(&bench);
    let expect = [
        "TGT042 files: body (bytea for blob): bytes are kept as the text of their hex digits, as \
         hexify asks",
        "TGT042 files: big (1 of 1 rows compared): values are the text of hex digits, and hexify \
         does not name the type: new values would be the bytes themselves",
        "TGT045 files: code (1 of 1 rows compared): zero bytes at the end are missing",
    ];
    assert_eq!(told, expect);
    let text = bench.run(&["check"]).expect(1).stdout;
    assert!(
        text.contains("before the replica starts: chameleon sync_tables --tables files\n"),
        "{text}"
    );
}

#[test]
fn a_table_without_primary_key_was_not_replicated() {
    let bench = bench("");
    bench.mysql(
        "create table DB.loose (a int, t varchar(9)); \
         create table DB.`odd one` (a int not null, unique (a))",
    );
    bench.postgres(
        "create table sch_shop.loose (a int, t varchar(9)); \
         create table sch_shop.\"odd one\" (a int not null)",
    );
    let what = "it has no primary key: 1.x copied it once and left out every change since";
    assert_eq!(
        damage(&bench),
        [
            format!("CAT015 loose: {what}"),
            format!("CAT015 odd one: {what}")
        ]
    );
    let text = bench.run(&["check"]).expect(1).stdout;
    assert!(text.contains("sync_tables --tables 'odd one'\n"), "{text}");
    // a source that 1.x has not initialised has nothing that it damaged
    bench.postgres("delete from sch_chameleon.t_replica_batch");
    assert_eq!(damage(&bench), [""; 0]);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let bench = bench("");
    bench.mysql(
        "create table DB.blobs (id binary(2) primary key, t text character set utf8mb4); \
         insert into DB.blobs values ('ab', '😀'); \
         create table DB.kinds (took time, k enum('a') primary key, t text character set utf8mb4); \
         insert ignore into DB.kinds values ('30:00:00', 'a', ''), (null, '', 'NULL'); \
         set sql_mode = ''; \
         create table DB.zero (d date primary key, n int unsigned, t text character set utf8mb4); \
         insert into DB.zero values ('0000-00-00', 4000000000, '😀'), ('2024-02-00', 1, '😀')",
    );
    bench.postgres(
        "create table sch_shop.blobs (id bytea constraint pk_blobs_0 primary key, t text); \
         create type sch_shop.enum_kinds_k as enum ('a'); \
         create table sch_shop.kinds (took time, k sch_shop.enum_kinds_k constraint pk_kinds_1 \
         primary key, t text); insert into sch_shop.kinds values ('06:00', 'a', ''); \
         create table sch_shop.zero (d date constraint pk_zero_2 primary key, n int, t text)",
    );
    let told = damage(&bench);
    assert_eq!(
        told,
        [
            "TGT043 kinds: took (1 of 1 rows compared): times beyond 24 hours, or below zero, \
             wrapped",
            "TGT047 zero: n (1 of 1 rows compared): rows are missing whose number is too great \
             for the column",
            "TGT049 blobs: id, t: its key is of a type that is not compared",
            "TGT049 kinds: t: the target refused a question with SQLSTATE 22P02",
        ]
    );
}
