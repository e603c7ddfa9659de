//! Who works for a source.

use std::time::{Duration, Instant};

use chameleon_catalog::sessions::{
    lock_key, lock_replay, lock_replica, may_work_for, predecessor_sessions, replay_holder,
    replica_holder, share_replay, unlock_replay, unlock_replica,
};
use chameleon_catalog::{add_source, batches, source};
use chameleon_postgres::Client;

use crate::support::{run, value, with_source};

/// Looks until the question is answered with true.
async fn until(c: &Client, question: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !value::<bool>(c, question).await {
        assert!(Instant::now() < deadline, "never true: {question}");
        tokio::task::yield_now().await;
    }
}

/// A session that was dropped has given its locks back.
async fn until_gone(c: &Client, name: &str) {
    let gone = format!(
        "select not exists (select from pg_stat_activity \
                             where datname = current_database() and application_name = '{name}')"
    );
    until(c, &gone).await;
}

#[tokio::test]
async fn one_host_holds_a_source_and_is_named_to_the_second() {
    with_source(|database, c, row| async move {
        add_source(&c, "other", "other").await.unwrap();
        let other = source(&c, "other").await.unwrap();
        assert_eq!(replica_holder(&c, row.id).await.unwrap(), None);
        let host = database.connect_as("chameleon shop").await;
        assert!(lock_replica(&host, row.id).await.unwrap());
        assert!(!lock_replica(&c, row.id).await.unwrap());
        assert!(lock_replica(&c, other.id).await.unwrap());
        assert!(lock_replay(&c, row.id).await.unwrap(), "another lock");
        let holder = replica_holder(&c, row.id).await.unwrap().unwrap();
        assert_eq!(holder.application_name, "chameleon shop");
        assert!(unlock_replica(&host, row.id).await.unwrap());
        assert!(!unlock_replica(&host, row.id).await.unwrap());
        assert!(lock_replica(&c, row.id).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_session_in_plain_sql_replays_under_the_same_lock() {
    with_source(|database, c, row| async move {
        let host = database.connect().await;
        assert!(lock_replay(&host, row.id).await.unwrap());
        let error = batches::process(&c, row.id, 10).await.unwrap_err();
        assert_eq!(error.class(), chameleon_postgres::Class::Lock, "{error:?}");
        assert!(!batches::process(&host, row.id, 10).await.unwrap());
        assert!(replay_holder(&c, row.id).await.unwrap().is_some());
        assert_eq!(lock_key(row.id).unwrap(), i32::try_from(row.id.0).unwrap());
    })
    .await;
}

#[tokio::test]
async fn sessions_share_the_replay_lock_and_nobody_takes_it_until_all_of_them_are_gone() {
    with_source(|database, c, row| async move {
        let first = database.connect_as("first").await;
        let second = database.connect_as("second").await;
        share_replay(&first, row.id).await.unwrap();
        share_replay(&second, row.id).await.unwrap();
        assert!(!lock_replay(&c, row.id).await.unwrap(), "both have it");
        assert!(replay_holder(&c, row.id).await.unwrap().is_some());
        drop(first);
        until_gone(&c, "first").await;
        assert!(!lock_replay(&c, row.id).await.unwrap(), "one has it");
        let holder = replay_holder(&c, row.id).await.unwrap().unwrap();
        assert_eq!(holder.application_name, "second");
        drop(second);
        until_gone(&c, "second").await;
        assert_eq!(replay_holder(&c, row.id).await.unwrap(), None);
        assert!(lock_replay(&c, row.id).await.unwrap(), "nobody has it");

        let third = database.connect().await;
        let sharing = tokio::spawn(async move { share_replay(&third, row.id).await });
        let waits = "select exists (select from pg_locks \
                                     where locktype = 'advisory' and mode = 'ShareLock' \
                                       and not granted \
                                       and database = (select oid from pg_database \
                                                        where datname = current_database()))";
        until(&c, waits).await;
        assert!(unlock_replay(&c, row.id).await.unwrap());
        sharing.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn sessions_of_1_x_are_known_by_name_or_by_what_they_do() {
    with_source(|database, c, _| async move {
        assert!(predecessor_sessions(&c).await.unwrap().is_empty());
        let names = [
            "[PGCH] - source: shop, action: replay batch",
            "[PGCH] - source: a, b, action: idle",
            "[PGCH]",
        ];
        let mut sessions = Vec::new();
        for name in names {
            sessions.push(database.connect_as(name).await);
        }
        let nameless = database.connect_as("").await;
        run(&nameless, "select from sch_chameleon.t_sources").await;
        let innocent = database.connect_as("").await;
        run(&innocent, "select 1").await;

        let found = predecessor_sessions(&c).await.unwrap();
        let mut sources: Vec<Option<&str>> = found.iter().map(|s| s.source.as_deref()).collect();
        sources.sort_unstable();
        assert_eq!(sources, [None, None, Some("a, b"), Some("shop")]);
        assert_eq!(may_work_for(&found, "shop").count(), 3);
        assert_eq!(may_work_for(&found, "nobody").count(), 2);
    })
    .await;
}
