//! `fn_process_batch`: our encoding, that of 1.x, and what becomes of rows that cannot be applied.

use chameleon_catalog::batches::{
    Close, OpenBatch, close, open_batch, process, start_at, unreplayed,
};
use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_catalog::windows::{self, Window};
use chameleon_catalog::{BatchId, CatalogError, SourceRow, row_errors, tables};
use chameleon_diag::codes;
use chameleon_model::TableName;
use chameleon_postgres::Client;
use serde_json::{Value, json};

use crate::support::{at, lines, run, value, with_source};

/// Writes entries to the relay of the source's open batch.
struct Relay {
    c: Client,
    row: SourceRow,
    open: OpenBatch,
    offset: u64,
}

impl Relay {
    /// A source at offset 1, and a target schema made by that script.
    async fn new(c: Client, row: SourceRow, target: &str) -> Self {
        run(
            &c,
            &format!("create schema dest; set search_path = dest; {target}"),
        )
        .await;
        run(&c, "set search_path = public").await;
        start_at(&c, row.id, &at(1)).await.unwrap();
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        Self {
            c,
            row,
            open,
            offset: 1,
        }
    }

    async fn entry(&self, event: &str, table: &str, data: Option<Value>, old: Option<Value>) {
        let sql = format!(
            "insert into sch_chameleon.{} (i_id_batch, v_table_name, v_schema_name, \
             enm_binlog_event, jsb_event_data, jsb_event_update) values ($1, $2, 'dest', \
             $3::text::sch_chameleon.en_binlog_event, $4::text::jsonb, $5::text::jsonb)",
            self.row.log_tables[0]
        );
        let (data, old) = (data.map(|v| v.to_string()), old.map(|v| v.to_string()));
        self.c
            .execute(&sql, &[&self.open.id.0, &table, &event, &data, &old])
            .await
            .unwrap();
    }

    async fn insert(&self, table: &str, new: Value) {
        self.entry("insert", table, Some(new), None).await;
    }

    async fn update(&self, table: &str, old: Value, new: Value) {
        self.entry("update", table, Some(new), Some(old)).await;
    }

    async fn delete(&self, table: &str, old: Value) {
        self.entry("delete", table, Some(old), None).await;
    }

    async fn ddl(&self, table: &str, statement: &str) {
        let sql = format!(
            "insert into sch_chameleon.{} (i_id_batch, v_table_name, v_schema_name, \
             enm_binlog_event, t_query) values ($1, $2, 'dest', 'ddl', $3)",
            self.row.log_tables[0]
        );
        let params: [&(dyn chameleon_postgres::tokio_postgres::types::ToSql + Sync); 3] =
            [&self.open.id.0, &table, &statement];
        self.c.execute(&sql, &params).await.unwrap();
    }

    /// Ends the batch as our host does; returns it.
    async fn close(&mut self) -> BatchId {
        self.offset += 1;
        let batch = self.open.id;
        let close_it = Close {
            source: self.row.id,
            batch,
            next: &at(self.offset),
            rows: 0,
            last_event_micros: None,
        };
        close(&self.c, &close_it).await.unwrap();
        self.open = open_batch(&self.c, self.row.id).await.unwrap().unwrap();
        batch
    }

    /// Ends the batch as pg_chameleon 1.3 does, so that its entries count as written by it.
    async fn close_as_1_x(&mut self) -> BatchId {
        self.offset += 1;
        let batch = self.open.id;
        let sql = format!(
            "insert into sch_chameleon.t_replica_batch \
                    (i_id_source, t_binlog_name, i_binlog_position) \
             values ({}, 'binlog.000001', {}); \
             update sch_chameleon.t_replica_batch set b_processed = true, ts_processed = now() \
              where i_id_batch = {batch}",
            self.row.id, self.offset
        );
        run(&self.c, &sql).await;
        self.open = open_batch(&self.c, self.row.id).await.unwrap().unwrap();
        batch
    }

    /// Replays everything, so many events at a time.
    async fn replay(&self, max_events: u32) {
        while process(&self.c, self.row.id, max_events).await.unwrap() {}
        let waiting = unreplayed(&self.c, self.row.id, 10).await.unwrap();
        assert_eq!(waiting, []);
    }

    async fn register(&self, table: &str, key: &[&str]) {
        let done = tables::register(&self.c, self.row.id, "dest", table, key).await;
        assert!(done.unwrap());
    }

    async fn rows(&self, sql: &str) -> Vec<String> {
        lines(&self.c, sql).await
    }

    /// `i_replayed i_skipped i_ddl` of a batch.
    async fn counts(&self, batch: BatchId) -> String {
        let sql = format!(
            "select concat_ws(' ', i_replayed, i_skipped, i_ddl) \
             from sch_chameleon.t_replica_batch where i_id_batch = {batch}"
        );
        value(&self.c, &sql).await
    }
}

#[tokio::test]
async fn every_type_of_our_encoding_is_taken_as_it_is_written() {
    with_source(|_, c, row| async move {
        let mut relay = Relay::new(
            c,
            row,
            r#"create type e as enum ('', 'it''s', 'b');
               create table t (id bigint generated by default as identity primary key,
                   n numeric(20,0), f real, b bool, d date, ts timestamp(6),
                   tz timestamptz(3), iv interval, v varchar(5), c char(5), x text, y bytea,
                   bits bit(64), j jsonb, k json, a text[], u uuid, e e, total bigint
                   generated always as (id / 2) stored)"#,
        )
        .await;
        relay
            .insert(
                "t",
                json!({"id": 9_223_372_036_854_775_807_i64, "n": 18_446_744_073_709_551_615_u64,
                    "f": "3.4028235e38", "b": "t", "d": "9999-12-31",
                    "ts": "9999-12-31 23:59:59.999999", "tz": "2038-01-19 03:14:08.123+00",
                    "iv": "-838:59:59.999999", "v": "ab   ", "c": "ab",
                    "x": "it's \\ \"so\" 😀\n", "y": "\\x00ff5c27",
                    "bits": "1".repeat(64), "j": "{\"a\": 1.0}", "k": "{\"b\":  2}",
                    "a": "{\"a b\",NULL,\"it's\"}", "u": "00000000-0000-0000-0000-000000000001",
                    "e": "it's"}),
            )
            .await;
        relay
            .insert("t", json!({"id": 2, "n": null, "e": ""}))
            .await;
        let old = json!({"id": 2});
        relay
            .update("t", old, json!({"id": -2, "x": "", "a": "{}"}))
            .await;
        relay.delete("t", json!({"id": -3, "x": "nobody"})).await;
        let batch = relay.close().await;
        relay.replay(1000).await;
        let stored = relay
            .rows(
                "select to_jsonb(t) - 'total' || jsonb_build_object('tz', tz at time zone 'utc', \
                   'k', k::text) #>> '{}' from dest.t order by id",
            )
            .await;
        let stored: Vec<Value> = stored
            .iter()
            .map(|s| serde_json::from_str(s).unwrap())
            .collect();
        assert_eq!(stored[0]["x"], "");
        assert_eq!(stored[0]["a"], json!([]));
        assert_eq!(stored[0]["n"], Value::Null);
        let full = &stored[1];
        assert_eq!(full["id"], 9_223_372_036_854_775_807_i64);
        assert_eq!(full["n"], 18_446_744_073_709_551_615_u64);
        assert_eq!(full["tz"], "2038-01-19T03:14:08.123");
        assert_eq!(full["iv"], "-838:59:59.999999");
        assert_eq!((&full["v"], &full["c"]), (&json!("ab   "), &json!("ab   ")));
        assert_eq!(full["x"], "it's \\ \"so\" 😀\n");
        assert_eq!(full["y"], "\\x00ff5c27");
        assert_eq!(full["k"], "{\"b\":  2}");
        assert_eq!(full["a"], json!(["a b", null, "it's"]));
        assert_eq!(relay.counts(batch).await, "3 1 0");
        // the change that found no row is told
        let errors = row_errors::list(&relay.c, relay.row.id, 10).await.unwrap();
        assert_eq!(
            (errors[0].code.as_str(), errors[0].operation.as_str()),
            ("CAT014", "delete")
        );
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_replayed_in_steps_without_deleting_an_entry() {
    with_source(|_, c, row| async move {
        let mut relay = Relay::new(c, row, "create table t (id int primary key, v int)").await;
        for id in 0..5 {
            relay.insert("t", json!({"id": id, "v": 0})).await;
        }
        let first = relay.close().await;
        relay.update("t", json!({"id": 1}), json!({"v": 7})).await;
        relay.close().await;
        let (c, id) = (&relay.c, relay.row.id);
        assert!(process(c, id, 2).await.unwrap());
        let waiting = unreplayed(c, id, 10).await.unwrap();
        let cursor = waiting[0].replayed_through.unwrap();
        let passed: i64 = value(
            c,
            &format!(
                "select count(*) from sch_chameleon.t_log_replica where i_id_event <= {cursor}"
            ),
        )
        .await;
        assert_eq!(passed, 2);
        assert_eq!(relay.counts(first).await, "2 0 0");
        assert!(process(c, id, 2).await.unwrap());
        assert!(process(c, id, 2).await.unwrap());
        assert_eq!(relay.counts(first).await, "5 0 0");
        assert_eq!(unreplayed(c, id, 10).await.unwrap().len(), 1);
        assert!(!process(c, id, 2).await.unwrap());
        assert!(!process(c, id, 2).await.unwrap());
        let entries: i64 = value(c, "select count(*) from sch_chameleon.t_log_replica").await;
        assert_eq!(entries, 6);
        assert_eq!(
            relay.rows("select v::text from dest.t where id = 1").await,
            ["7"]
        );
        let cursors: i64 = value(c, "select count(*) from sch_chameleon.t_replay_cursor").await;
        assert_eq!(cursors, 0);
        let error = process(c, id, 0).await.unwrap_err();
        assert!(matches!(error, CatalogError::Statement { .. }));
        let unknown: bool = value(c, "select sch_chameleon.fn_process_batch(10, 4711)").await;
        assert!(!unknown);
    })
    .await;
}

#[tokio::test]
async fn ddl_runs_in_its_place_and_leaves_the_search_path_alone() {
    with_source(|_, c, row| async move {
        let mut relay = Relay::new(c, row, "create table t (id int primary key)").await;
        relay.insert("t", json!({"id": 1})).await;
        relay
            .ddl(
                "t",
                "alter table \"dest\".\"t\" add v int; update dest.t set v = 5",
            )
            .await;
        relay.insert("t", json!({"id": 2, "v": 6})).await;
        relay
            .ddl(
                "t",
                " SET search_path=dest;ALTER TABLE t RENAME COLUMN v TO w ;",
            )
            .await;
        relay
            .update("t", json!({"id": 2, "w": 6}), json!({"id": 2, "w": 8}))
            .await;
        let batch = relay.close().await;
        relay.replay(3).await;
        assert_eq!(
            relay
                .rows("select id || ' ' || w from dest.t order by 1")
                .await,
            ["1 5", "2 8"]
        );
        assert_eq!(relay.counts(batch).await, "3 0 2");
        let path: String = value(&relay.c, "select current_setting('search_path')").await;
        assert_eq!(path, "public");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_is_refused_stops_the_call_and_nothing_of_it_is_kept() {
    with_source(|_, c, row| async move {
        let target = "create table t (id int primary key, v varchar(3), \
                      constraint secret_free check (v <> 'no'))";
        let mut relay = Relay::new(c, row, target).await;
        relay.insert("t", json!({"id": 1, "v": "a"})).await;
        relay.insert("t", json!({"id": 2, "v": "no"})).await;
        relay.close().await;
        let check = async |sqlstate: &str, constraint: &str| {
            let error = process(&relay.c, relay.row.id, 10).await.unwrap_err();
            let CatalogError::Statement { attempt, source } = &error else {
                panic!("{error:?}");
            };
            assert_eq!(source.sqlstate(), Some(sqlstate), "{error:?}");
            assert!(attempt.contains(", batch 1, event 2"), "{error:?}");
            let said = format!("{error:?}");
            assert!(said.contains("dest.t") && said.contains(constraint), "{said}");
            assert_eq!(relay.rows("select id::text from dest.t").await, [""; 0]);
        };
        check("23514", "secret_free").await;
        run(
            &relay.c,
            "update sch_chameleon.t_log_replica set jsb_event_data = '{\"id\": 2, \"v\": \"hush\"}' \
             where jsb_event_data ->> 'id' = '2'",
        )
        .await;
        check("22001", "").await;
        let raw = relay
            .c
            .query("select sch_chameleon.fn_process_batch(10, 1)", &[])
            .await
            .unwrap_err();
        let raw = raw.as_db_error().unwrap();
        let said = format!("{} {:?} {:?}", raw.message(), raw.detail(), raw.where_());
        assert!(!said.contains("hush"), "{said}");
        run(
            &relay.c,
            "update sch_chameleon.t_log_replica set jsb_event_data = '{\"id\": 2, \"zz\": 1}' \
             where jsb_event_data ->> 'id' = '2'",
        )
        .await;
        check("42703", "").await;
        run(&relay.c, "alter table dest.t add zz int").await;
        relay.replay(10).await;
        assert_eq!(relay.rows("select id::text from dest.t order by 1").await, ["1", "2"]);
    })
    .await;
}

#[tokio::test]
async fn names_are_quoted_wherever_they_stand() {
    with_source(|_, c, row| async move {
        let target = r#"create type "E'" as enum ('a');
            create table "we""ird.t'\😀" ("sel""ect" int, "a'b" "E'", "$1" int,
                primary key ("sel""ect"))"#;
        let mut relay = Relay::new(c, row, target).await;
        let name = r#"we"ird.t'\😀"#;
        relay
            .insert(name, json!({"sel\"ect": 1, "a'b": "a", "$1": 3}))
            .await;
        relay
            .insert(name, json!({"sel\"ect": 2, "a'b": "a", "$1": 3}))
            .await;
        relay
            .update(
                name,
                json!({"sel\"ect": 1}),
                json!({"sel\"ect": 5, "$1": 4}),
            )
            .await;
        relay.delete(name, json!({"sel\"ect": 2})).await;
        relay.close().await;
        relay.replay(10).await;
        let sql = r#"select format('%s %s %s', "sel""ect", "a'b", "$1") from dest."we""ird.t'\😀""#;
        assert_eq!(relay.rows(sql).await, ["5 a 4"]);
    })
    .await;
}

#[tokio::test]
async fn a_table_without_key_changes_one_of_its_equal_rows() {
    with_source(|_, c, row| async move {
        let mut relay = Relay::new(c, row, "create table t (a int, b text, j json)").await;
        let same = json!({"a": 1, "b": null, "j": "{}"});
        for _ in 0..3 {
            relay.insert("t", same.clone()).await;
        }
        relay
            .update("t", same.clone(), json!({"a": 2, "b": "x", "j": null}))
            .await;
        relay.delete("t", same.clone()).await;
        let batch = relay.close().await;
        relay.replay(10).await;
        let stored = relay
            .rows("select concat(a, b) from dest.t order by a")
            .await;
        assert_eq!(stored, ["1", "2x"]);
        assert_eq!(relay.counts(batch).await, "5 0 0");
    })
    .await;
}

#[tokio::test]
async fn rows_of_1_x_are_read_as_1_x_wrote_them() {
    with_source(|_, c, row| async move {
        let target = "create table t (\"Id\" bigint, k int, flags int, price numeric, at time, \
                      long interval, blob bytea, doc jsonb, moment timestamp, note text, \
                      primary key (\"Id\", k))";
        let mut relay = Relay::new(c, row, target).await;
        relay.register("t", &["Id", "k"]).await;
        let first = json!({"Id": 1, "k": 2, "flags": "00000101", "price": "12.50",
            "at": "1:02:03", "long": "-1 day, 23:00:00", "blob": "00ff", "doc": {"a": [1, null]},
            "moment": "2020-01-01 00:00:00.000100", "note": "NULL"});
        relay
            .entry("insert", "t", Some(first.clone()), Some(json!({})))
            .await;
        let mut second = first.clone();
        second["k"] = json!(3);
        second["flags"] = json!("1");
        second["note"] = Value::Null;
        second["long"] = json!("34 days, 22:59:59.000001");
        relay
            .entry("insert", "t", Some(second), Some(json!({})))
            .await;
        let mut third = first.clone();
        third["k"] = json!(4);
        relay.entry("update", "t", Some(third), Some(first)).await;
        relay
            .entry(
                "delete",
                "t",
                Some(json!({"Id": 7, "k": 8})),
                Some(json!({})),
            )
            .await;
        let batch = relay.close_as_1_x().await;
        relay.replay(10).await;
        let sql = "select format('%s %s %s %s %s %s %s %s %s', k, flags, price, at, long, \
                   encode(blob, 'escape'), doc, moment, note) from dest.t order by k";
        let stored = relay.rows(sql).await;
        assert_eq!(
            stored,
            [
                "3 1 12.50 01:02:03 838:59:59.000001 00ff {\"a\": [1, null]} \
                 2020-01-01 00:00:00.0001 ",
                "4 5 12.50 01:02:03 -01:00:00 00ff {\"a\": [1, null]} \
                 2020-01-01 00:00:00.0001 NULL"
            ]
        );
        assert_eq!(relay.counts(batch).await, "3 1 0");
        assert!(
            row_errors::list(&relay.c, relay.row.id, 9)
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn a_table_that_1_x_does_not_replicate_is_held_and_not_passed_over_silently() {
    with_source(|_, c, row| async move {
        let target = "create table nokey (a int); create table t (id int primary key)";
        let mut relay = Relay::new(c, row, target).await;
        relay.register("t", &["id"]).await;
        relay.insert("nokey", json!({"a": 1})).await;
        relay.insert("t", json!({"id": 1})).await;
        relay.ddl("nokey", "alter table nokey add b int").await;
        let batch = relay.close_as_1_x().await;
        relay.replay(2).await;
        assert_eq!(relay.rows("select id::text from dest.t").await, ["1"]);
        assert_eq!(relay.rows("select a::text from dest.nokey").await, [""; 0]);
        assert_eq!(relay.counts(batch).await, "1 2 0");
        let held = held::list(&relay.c, relay.row.id).await.unwrap();
        assert_eq!((held[0].table.name.as_str(), held[0].missed), ("nokey", 2));
        assert_eq!(
            (held[0].code.as_str(), held[0].state),
            ("CAT015", HeldState::Held)
        );
    })
    .await;
}

#[tokio::test]
async fn held_tables_and_what_a_later_copy_holds_are_skipped_and_counted() {
    with_source(|_, c, row| async move {
        let target = "create table a (id int primary key); create table b (id int primary key); \
                      create table c (id int primary key)";
        let mut relay = Relay::new(c, row, target).await;
        for table in ["a", "b", "c"] {
            relay.insert(table, json!({"id": 1})).await;
        }
        let batch = relay.close().await;
        let (a, b) = (TableName::new("shop", "a"), TableName::new("shop", "b"));
        let hold = Hold {
            source: relay.row.id,
            table: &a,
            state: HeldState::Held,
            code: codes::RPL001,
            reason: "test",
            statement: None,
            position: None,
        };
        held::hold(&relay.c, &hold).await.unwrap();
        let window = Window {
            table: b,
            batch: relay.open.id,
            skip_until: Some(at(relay.offset)),
            idempotent_until: None,
        };
        windows::set(&relay.c, relay.row.id, &window).await.unwrap();
        relay.insert("b", json!({"id": 2})).await;
        relay.close().await;
        relay.replay(10).await;
        assert_eq!(relay.rows("select id::text from dest.a").await, [""; 0]);
        assert_eq!(relay.rows("select id::text from dest.b").await, ["2"]);
        assert_eq!(relay.rows("select id::text from dest.c").await, ["1"]);
        assert_eq!(relay.counts(batch).await, "1 2 0");
        let held = held::list(&relay.c, relay.row.id).await.unwrap();
        assert_eq!((held.len(), held[0].missed), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn within_a_window_changes_that_are_there_already_do_no_harm() {
    with_source(|_, c, row| async move {
        let target = "create table t (id int primary key, u int unique, v text)";
        let mut relay = Relay::new(c, row, target).await;
        let window = Window {
            table: TableName::new("shop", "t"),
            batch: relay.open.id,
            skip_until: None,
            idempotent_until: Some(at(2)),
        };
        windows::set(&relay.c, relay.row.id, &window).await.unwrap();
        run(&relay.c, "insert into dest.t values (1, 10, 'copied')").await;
        relay
            .insert("t", json!({"id": 1, "u": 10, "v": "streamed"}))
            .await;
        relay.delete("t", json!({"id": 5})).await;
        relay.close().await;
        relay.replay(10).await;
        assert_eq!(relay.rows("select v from dest.t").await, ["streamed"]);
        assert!(
            row_errors::list(&relay.c, relay.row.id, 9)
                .await
                .unwrap()
                .is_empty()
        );
        // behind the window it is an error again
        relay
            .insert("t", json!({"id": 1, "u": 11, "v": "twice"}))
            .await;
        relay.close().await;
        let error = process(&relay.c, relay.row.id, 10).await.unwrap_err();
        assert!(error.to_string().contains("fn_process_batch"), "{error:?}");
    })
    .await;
}

/// Random numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }
}

/// A random history of a table with primary key `id` and unique `u`: operation, old, new image.
fn random_history(numbers: &mut Numbers, length: usize) -> (Vec<(Value, Value)>, Vec<String>) {
    let mut rows: Vec<(u64, Option<u64>, u64)> = Vec::new();
    let mut history = Vec::new();
    let image = |r: &(u64, Option<u64>, u64)| json!({"id": r.0, "u": r.1, "v": r.2});
    while history.len() < length {
        let u = Some(numbers.below(8)).filter(|&u| u > 0);
        let new = (numbers.below(6), u, numbers.below(1000));
        let pick = numbers.below(rows.len() as u64 + 1) as usize;
        let free = |rows: &[(u64, Option<u64>, u64)], but: Option<usize>| {
            rows.iter()
                .enumerate()
                .all(|(n, r)| Some(n) == but || (r.0 != new.0 && (r.1 != new.1 || new.1.is_none())))
        };
        if pick == rows.len() {
            if free(&rows, None) {
                history.push((Value::Null, image(&new)));
                rows.push(new);
            }
        } else if numbers.below(3) == 0 {
            history.push((image(&rows.remove(pick)), Value::Null));
        } else if free(&rows, Some(pick)) {
            history.push((image(&rows[pick]), image(&new)));
            rows[pick] = new;
        }
    }
    rows.sort_unstable();
    let end = rows
        .iter()
        .map(|r| {
            format!(
                "{}/{}/{}",
                r.0,
                r.1.map(|u| u.to_string()).unwrap_or_default(),
                r.2
            )
        })
        .collect();
    (history, end)
}

#[tokio::test]
async fn duplicates_that_a_killed_1_x_left_are_replayed_to_the_right_end() {
    with_source(|_, c, row| async move {
        let target = "create table t (id int primary key, u int unique, v int)";
        let mut relay = Relay::new(c, row, target).await;
        relay.register("t", &["id"]).await;
        let mut numbers = Numbers(20_240_607);
        for round in 0..40 {
            run(&relay.c, "truncate dest.t").await;
            let (history, end) = random_history(&mut numbers, 25);
            // killed after so many rows, and all of them read again
            let killed = usize::try_from(numbers.below(26)).unwrap();
            for (old, new) in history[..killed].iter().chain(&history) {
                match (old, new) {
                    (Value::Null, new) => {
                        relay
                            .entry("insert", "t", Some(new.clone()), Some(json!({})))
                            .await
                    }
                    (old, Value::Null) => {
                        relay
                            .entry("delete", "t", Some(old.clone()), Some(json!({})))
                            .await
                    }
                    (old, new) => relay.update("t", old.clone(), new.clone()).await,
                }
            }
            relay.close_as_1_x().await;
            relay.replay(7).await;
            let sql =
                "select concat_ws('/', id::text, coalesce(u::text, ''), v) from dest.t order by id";
            assert_eq!(relay.rows(sql).await, end, "round {round}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_drained_table_is_truncated_once_it_is_not_written_any_more() {
    with_source(|_, c, row| async move {
        let mut relay = Relay::new(c, row, "create table t (id int primary key, v text)").await;
        let [first, second] = relay.row.log_tables.clone();
        for id in 0..100 {
            relay.insert("t", json!({"id": id, "v": "x".repeat(1500)})).await;
        }
        relay.close().await;
        relay.replay(1000).await;
        let size = format!("select pg_relation_size('sch_chameleon.{first}')");
        assert!(value::<i64>(&relay.c, &size).await > 65536);
        // as 1.3 swaps them, with every batch
        run(
            &relay.c,
            "update sch_chameleon.t_sources set v_log_table = array[v_log_table[2], v_log_table[1]]",
        )
        .await;
        relay.row.log_tables = [second, first];
        relay.insert("t", json!({"id": 1000})).await;
        relay.close().await;
        relay.replay(1000).await;
        assert_eq!(value::<i64>(&relay.c, &size).await, 0);
    })
    .await;
}
