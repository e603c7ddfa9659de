//! The upgrade is killed at every one of its statements: the catalog is wholly 1.2 or wholly 1.3, and
//! the next run finishes.

use chameleon_catalog::upgrade::{self, Done, Event, Options};
use chameleon_catalog::{CatalogState, version};
use chameleon_postgres::connect;

use crate::support::{Database, in_database, run};
use crate::upgrade_catalogs::{
    add_rows, catalog, contents, fingerprint, must_be_whole, upgrade, upgrade_with,
};
use crate::upgrade_proxy::{Fault, Proxy};

/// With all that the steps can meet: several sources, rows in the parent, ids that stand twice, rows
/// without batch.
async fn make(database: &Database) {
    let c = database.connect().await;
    catalog(&c, 2, 4).await;
    add_rows(&c, "t_log_replica", 2, 2, 5).await;
    run(
        &c,
        "set session_replication_role = replica; \
         insert into sch_chameleon.t_log_replica_2 \
         select i_id_event, 8, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name, \
                i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query \
           from only sch_chameleon.t_log_replica_1 where i_id_event between 10 and 14",
    )
    .await;
    add_rows(&c, "t_log_replica_1", 999, 1, 4).await;
}

/// Statements of an upgrade, from the first of its session on.
async fn statements(database: &Database, dry_run: bool) -> u64 {
    let proxy = Proxy::start(&database.options(), 0, Fault::Nothing).await;
    let mut c = connect(&proxy.options).await.unwrap();
    let options = Options {
        dry_run,
        ..Options::default()
    };
    upgrade_with(&mut c, options).await.unwrap();
    proxy.statements()
}

/// Kills one upgrade after the other, each a statement later, and looks at what is left. The next one
/// meets it; now and then one is carried through, as a dry run, so that the catalog stays what it is.
async fn kill_at_every_statement(database: Database, fault: Fault) {
    make(&database).await;
    let mut watcher = database.connect().await;
    let before = fingerprint(&watcher).await;
    let rows = contents(&watcher).await;
    let count = statements(&database, true).await;
    assert!(count > 40, "{count} statements");
    let (mut killed, mut at) = (0, 1);
    loop {
        at += 1;
        let proxy = Proxy::start(&database.options(), at, fault).await;
        let mut c = connect(&proxy.options).await.unwrap();
        let mut silent = |_: Event| {};
        let ended = upgrade::apply(&mut c, Options::default(), &mut silent).await;
        let reached = proxy.statements() >= at;
        drop(c);
        proxy.ended().await;
        let Err(error) = ended else {
            // the commit had happened before the kill, or the upgrade has no more statements
            break assert!(at > count - 3, "statement {at} of {count}");
        };
        assert!(
            reached && error.is_disconnected(),
            "statement {at}: {error}"
        );
        killed += 1;
        // whoever comes next waits for what is left of the killed session
        upgrade::take_turn(&mut watcher, &mut |_| {}).await.unwrap();
        upgrade::end_turn(&watcher).await.unwrap();
        let state = version(&watcher).await.unwrap();
        if state == CatalogState::V13 {
            assert_eq!(fault, Fault::AnswerLost, "statement {at}");
            break;
        }
        assert_eq!(state, CatalogState::V12, "statement {at}");
        assert_eq!(fingerprint(&watcher).await, before, "after statement {at}");
        if at % 10 == 0 {
            let mut next = database.connect().await;
            let options = Options {
                dry_run: true,
                ..Options::default()
            };
            let outcome = upgrade_with(&mut next, options).await.unwrap();
            assert_eq!(outcome.done, Done::TakenBack, "after statement {at}");
        }
    }
    assert!(killed > 40, "{killed} kills");
    let mut last = database.connect().await;
    upgrade(&mut last).await;
    must_be_whole(&last).await;
    assert_eq!(contents(&last).await, rows);
}

#[tokio::test]
async fn the_client_dies_before_any_statement() {
    in_database(|database| kill_at_every_statement(database, Fault::ClientDies)).await;
}

#[tokio::test]
async fn the_client_dies_after_any_statement() {
    in_database(|database| kill_at_every_statement(database, Fault::AnswerLost)).await;
}

#[tokio::test]
async fn the_backend_dies_before_any_statement() {
    in_database(|database| kill_at_every_statement(database, Fault::BackendDies)).await;
}
