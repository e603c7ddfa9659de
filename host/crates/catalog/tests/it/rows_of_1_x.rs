//! `fn_process_batch` on entries that pg_chameleon 1.x wrote.

use chameleon_catalog::held::{self, HeldState};
use chameleon_catalog::row_errors;
use serde_json::{Value, json};

use crate::relay::Relay;
use crate::support::{run, with_source};

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
        let pick = usize::try_from(numbers.below(rows.len() as u64 + 1)).unwrap();
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
async fn a_row_in_the_way_in_an_index_over_an_expression_makes_room() {
    with_source(|_, c, row| async move {
        let target = "create table t (id int primary key, v varchar(20), w text); \
                      create unique index prefix on t (\"left\"(v, 3), w)";
        let mut relay = Relay::new(c, row, target).await;
        relay.register("t", &["id"]).await;
        let all = "insert into dest.t values (1, 'abcdef', 'x'), (2, 'abcdef', 'y')";
        run(&relay.c, all).await;
        // they were applied before: 1 had this value, before 2 and then 3 took it over
        let one = |v: &str, w: &str| json!({"id": 1, "v": v, "w": w});
        relay.update("t", one("old", "x"), one("abcXXX", "y")).await;
        relay
            .update("t", one("abcXXX", "y"), one("abcdef", "x"))
            .await;
        let two = json!({"id": 2, "v": "abcdef", "w": "y"});
        relay.entry("insert", "t", Some(two), Some(json!({}))).await;
        relay.close_as_1_x().await;
        relay.replay(10).await;
        let stored = relay
            .rows("select format('%s %s %s', id, v, w) from dest.t order by 1")
            .await;
        assert_eq!(stored, ["1 abcdef x", "2 abcdef y"]);
    })
    .await;
}
