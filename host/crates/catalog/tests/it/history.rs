//! Schema history, held tables and windows.

use std::sync::Arc;
use std::time::Duration;

use chameleon_catalog::batches::{Close, ReplayCounts, close, mark_replayed, retain, start_at};
use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_catalog::history::{self, Version, load, replace, save};
use chameleon_catalog::windows::{self, Floor, Window};
use chameleon_catalog::{BatchId, SourceId, add_source, source, table_rules};
use chameleon_diag::codes;
use chameleon_model::{BinlogPosition, TableName};
use chameleon_postgres::Client;

use crate::support::{at, at_gtid, run, table, value, with_source};

async fn comments(c: &Client, source: SourceId, batch: i64) -> Vec<(String, String)> {
    let tables = load(c, source, BatchId(batch)).await.unwrap();
    tables
        .iter()
        .map(|t| (t.name.name.clone(), t.comment.clone()))
        .collect()
}

fn pairs(expect: &[(&str, &str)]) -> Vec<(String, String)> {
    expect
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[tokio::test]
async fn each_batch_sees_the_versions_that_were_in_force() {
    with_source(|_, c, row| async move {
        let (a1, a2, b1) = (table("a", "1"), table("a", "2"), table("b\"😀", "1"));
        let versions = [Version::Table(&a1), Version::Table(&b1)];
        save(&c, row.id, BatchId(10), &versions).await.unwrap();
        // two statements of one batch: the last one counts
        let versions = [
            Version::Dropped(&a1.name),
            Version::Table(&a2),
            Version::Dropped(&b1.name),
        ];
        save(&c, row.id, BatchId(20), &versions).await.unwrap();
        assert_eq!(comments(&c, row.id, 9).await, pairs(&[]));
        let both = pairs(&[("a", "1"), ("b\"😀", "1")]);
        assert_eq!(comments(&c, row.id, 10).await, both);
        assert_eq!(comments(&c, row.id, 19).await, both);
        assert_eq!(comments(&c, row.id, 20).await, pairs(&[("a", "2")]));
        // the same batch again, as in the direct mode
        let a3 = table("a", "3");
        save(&c, row.id, BatchId(20), &[Version::Table(&a3)])
            .await
            .unwrap();
        assert_eq!(comments(&c, row.id, 99).await, pairs(&[("a", "3")]));

        let d = Arc::new(table("d", "1"));
        replace(&c, row.id, BatchId(15), &[d]).await.unwrap();
        assert_eq!(comments(&c, row.id, 10).await, both);
        assert_eq!(comments(&c, row.id, 99).await, pairs(&[("d", "1")]));
    })
    .await;
}

#[tokio::test]
async fn ddl_that_comes_while_a_table_is_copied_is_seen() {
    with_source(|_, c, row| async move {
        let (a, b) = (table("a", "1"), table("b", "1"));
        let versions = [Version::Table(&a)];
        save(&c, row.id, BatchId(1), &versions).await.unwrap();
        let began = history::now(&c).await.unwrap();
        assert!(!history::changed_since(&c, row.id, &began).await.unwrap());
        let hold = Hold {
            source: row.id,
            table: &a.name,
            state: HeldState::Syncing,
            code: codes::RPL007,
            reason: "it is being copied anew",
            statement: None,
            position: None,
        };
        held::hold(&c, &hold).await.unwrap();
        held::set_state(&c, row.id, &a.name, HeldState::Requested)
            .await
            .unwrap();
        assert!(!history::changed_since_request(&c, row.id).await.unwrap());
        // of whatever table: the stream is to be set back behind it
        let versions = [Version::Table(&b)];
        save(&c, row.id, BatchId(2), &versions).await.unwrap();
        assert!(history::changed_since(&c, row.id, &began).await.unwrap());
        assert!(history::changed_since_request(&c, row.id).await.unwrap());
        held::release(&c, row.id, &a.name).await.unwrap();
        assert!(!history::changed_since_request(&c, row.id).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn the_newest_rules_of_a_table_count() {
    with_source(|_, c, row| async move {
        let (a, b) = (TableName::new("s", "a"), TableName::new("s", "b"));
        let both = [(&a, "one"), (&b, "one")];
        table_rules::save(&c, row.id, &both).await.unwrap();
        table_rules::save(&c, row.id, &[(&a, "two")]).await.unwrap();
        let found = table_rules::load(&c, row.id).await.unwrap();
        assert_eq!(found.get(&a).map(String::as_str), Some("two"));
        assert_eq!(found.get(&b).map(String::as_str), Some("one"));
        assert_eq!(found.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_version_that_cannot_be_read_is_named() {
    with_source(|_, c, row| async move {
        save(&c, row.id, BatchId(1), &[Version::Table(&table("a", ""))])
            .await
            .unwrap();
        run(
            &c,
            "update sch_chameleon.t_schema_history set jsb_table = '[1]'",
        )
        .await;
        let error = load(&c, row.id, BatchId(1)).await.unwrap_err();
        assert!(error.to_string().contains("shop.a"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn versions_go_when_no_batch_needs_them() {
    with_source(|_, c, row| async move {
        let mut batch = start_at(&c, row.id, &at(1)).await.unwrap();
        for offset in 2..6 {
            let comment = offset.to_string();
            save(&c, row.id, batch, &[Version::Table(&table("a", &comment))])
                .await
                .unwrap();
            let close_it = Close {
                source: row.id,
                batch,
                next: &at(offset),
                rows: 0,
                last_event_micros: None,
            };
            let next = close(&c, &close_it).await.unwrap();
            if offset < 4 {
                mark_replayed(&c, batch, &ReplayCounts::default())
                    .await
                    .unwrap();
            }
            batch = next;
        }
        retain(&c, row.id, Duration::ZERO, 100).await.unwrap();
        let left: String = value(
            &c,
            "select string_agg(jsb_table ->> 'comment', ' ' order by i_id_batch) \
             from sch_chameleon.t_schema_history",
        )
        .await;
        assert_eq!(left, "4 5");
    })
    .await;
}

#[tokio::test]
async fn a_held_table_keeps_its_first_reason_and_counts_what_it_misses() {
    with_source(|_, c, row| async move {
        let long = TableName::new("shop", "t".repeat(64));
        let here = BinlogPosition::new("binlog.000001", 100);
        let mut hold = Hold {
            source: row.id,
            table: &long,
            state: HeldState::Held,
            code: codes::DDL001,
            reason: "it's \\ not supported",
            statement: Some("alter table t ..."),
            position: Some(&here),
        };
        held::hold(&c, &hold).await.unwrap();
        let other = TableName::new("shop", "nobody");
        let missed = [(long.clone(), 3), (other.clone(), 9), (long.clone(), 2)];
        let there = BinlogPosition::new("binlog.000002", 5_000_000_000);
        held::count(&c, row.id, &missed, &there).await.unwrap();
        held::count(&c, row.id, &[], &there).await.unwrap();
        hold.state = HeldState::Requested;
        hold.code = codes::CAT014;
        hold.reason = "later";
        held::hold(&c, &hold).await.unwrap();

        let list = held::list(&c, row.id).await.unwrap();
        assert_eq!(list.len(), 1);
        let found = &list[0];
        assert_eq!(found.table, long);
        assert_eq!(found.target_name.len(), 63);
        assert_eq!(found.state, HeldState::Requested);
        assert_eq!(
            (found.code.as_str(), found.reason.as_str()),
            ("DDL001", "it's \\ not supported")
        );
        assert_eq!(found.statement.as_deref(), Some("alter table t ..."));
        assert_eq!(found.first_missed.as_ref(), Some(&here));
        assert_eq!(found.last_missed.as_ref(), Some(&there));
        assert_eq!(found.missed, 5);
        assert!(found.since_micros > 0);

        assert!(
            held::set_state(&c, row.id, &long, HeldState::Syncing)
                .await
                .unwrap()
        );
        assert!(
            !held::set_state(&c, row.id, &other, HeldState::Syncing)
                .await
                .unwrap()
        );
        assert!(held::release(&c, row.id, &long).await.unwrap());
        assert!(!held::release(&c, row.id, &long).await.unwrap());
        assert!(held::list(&c, row.id).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn windows_and_floor_come_back_as_they_were_set() {
    with_source(|_, c, row| async move {
        let mut window = Window {
            table: TableName::new("shop", "t"),
            batch: BatchId(7),
            skip_until: Some(at_gtid(10, "0-1-5")),
            idempotent_until: None,
        };
        windows::set(&c, row.id, &window).await.unwrap();
        window.idempotent_until = Some(at(5_000_000_000));
        windows::set(&c, row.id, &window).await.unwrap();
        assert_eq!(windows::list(&c, row.id).await.unwrap(), [window.clone()]);
        assert_eq!(windows::floor(&c, row.id).await.unwrap(), None);
        let floor = Floor {
            batch: BatchId(7),
            position: at_gtid(99, "0-1-9"),
        };
        windows::set_floor(&c, row.id, Some(&floor)).await.unwrap();
        assert_eq!(
            windows::floor(&c, row.id).await.unwrap(),
            Some(floor.clone())
        );
        windows::set_floor(&c, row.id, None).await.unwrap();
        assert_eq!(windows::floor(&c, row.id).await.unwrap(), None);
        windows::set_floor(&c, row.id, Some(&floor)).await.unwrap();
        assert!(windows::clear(&c, row.id, &window.table).await.unwrap());
        assert!(!windows::clear(&c, row.id, &window.table).await.unwrap());
        windows::set(&c, row.id, &window).await.unwrap();
        windows::clear_all(&c, row.id).await.unwrap();
        assert!(windows::list(&c, row.id).await.unwrap().is_empty());
        assert_eq!(windows::floor(&c, row.id).await.unwrap(), None);
    })
    .await;
}

/// A copy that waits to rejoin has set the window of a table that is held, in whatever state.
#[tokio::test]
async fn windows_that_are_passed_go_with_the_floor_and_those_of_held_tables_stay() {
    with_source(|_, c, row| async move {
        add_source(&c, "other", "other").await.unwrap();
        let other = source(&c, "other").await.unwrap();
        let window = |name: &str| Window {
            table: TableName::new("shop", name),
            batch: BatchId(1),
            skip_until: Some(at(10)),
            idempotent_until: Some(at(20)),
        };
        let floor = Floor {
            batch: BatchId(1),
            position: at(30),
        };
        for source in [row.id, other.id] {
            for name in ["followed", "held", "requested", "syncing"] {
                windows::set(&c, source, &window(name)).await.unwrap();
            }
            windows::set_floor(&c, source, Some(&floor)).await.unwrap();
        }
        let hold = async |source: SourceId, table: TableName, state: HeldState| {
            let hold = Hold {
                source,
                table: &table,
                state,
                code: codes::RPL007,
                reason: "a copy",
                statement: None,
                position: None,
            };
            held::hold(&c, &hold).await.unwrap();
        };
        for state in [HeldState::Held, HeldState::Requested, HeldState::Syncing] {
            let name = format!("{state:?}").to_lowercase();
            hold(row.id, TableName::new("shop", name), state).await;
        }
        // holds of another database's table, and of another source
        let elsewhere = TableName::new("elsewhere", "followed");
        hold(row.id, elsewhere, HeldState::Held).await;
        let followed = TableName::new("shop", "followed");
        hold(other.id, followed, HeldState::Held).await;

        windows::clear_passed(&c, row.id).await.unwrap();
        let left = windows::list(&c, row.id).await.unwrap();
        assert_eq!(left, ["held", "requested", "syncing"].map(window));
        assert_eq!(windows::floor(&c, row.id).await.unwrap(), None);
        // another source's are its own
        assert_eq!(windows::list(&c, other.id).await.unwrap().len(), 4);
        assert_eq!(windows::floor(&c, other.id).await.unwrap(), Some(floor));

        for table in ["held", "requested", "syncing"] {
            let table = TableName::new("shop", table);
            assert!(held::release(&c, row.id, &table).await.unwrap());
        }
        windows::clear_passed(&c, row.id).await.unwrap();
        assert!(windows::list(&c, row.id).await.unwrap().is_empty());
    })
    .await;
}
