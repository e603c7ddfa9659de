//! Catalogs of 1.2 to upgrade: as pg_chameleon 1.2 makes them, and with what may go wrong in them.

use chameleon_catalog::upgrade::{self, Done, Event, Options, Outcome};
use chameleon_postgres::Client;

use crate::support::{lines, run, value};

const V12_SQL: &str = include_str!("../../../../../testdata/catalogs/1.2.original.sql");
const LISTING: &str = include_str!("../../../../../testdata/catalogs/listing.sql");

/// A catalog of 1.2 with so many sources and no rows. Source 1 is `src1`, the others `src2` ...
pub(crate) async fn empty_catalog(c: &Client, sources: u32) {
    run(c, V12_SQL).await;
    let more = format!(
        "insert into sch_chameleon.t_sources (t_source, t_dest_schema, enm_status) \
         select 'src' || n, 'dest' || n, 'stopped' from generate_series(2, {sources}) n"
    );
    run(c, &more).await;
}

/// The same with `batches` batches of 50 rows each for every source, in turns in both log tables;
/// the last one of each source is open and empty. Event ids are as the sequence gives them.
pub(crate) async fn catalog(c: &Client, sources: u32, batches: u32) {
    empty_catalog(c, sources).await;
    for number in 0..batches * sources {
        let (source, round) = (1 + number % sources, number / sources);
        let table = 1 + round % 2;
        add_batch(c, i64::from(number) + 1, source, table, 50).await;
    }
    let open = format!(
        "insert into sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position, \
                b_started, ts_created, v_log_table) \
         select i_id_source, 'binlog.000002', 4711, true, '2024-02-01', 't_log_replica_1' \
           from sch_chameleon.t_sources; \
         select setval('sch_chameleon.t_replica_batch_i_id_batch_seq', {})",
        batches * sources + sources
    );
    run(
        c,
        &format!(
            "select setval('sch_chameleon.t_replica_batch_i_id_batch_seq', {}); {open}",
            (batches * sources).max(1)
        ),
    )
    .await;
}

/// Adds a batch that waits for replay, with rows in one of the shared tables.
pub(crate) async fn add_batch(c: &Client, batch: i64, source: u32, table: u32, rows: u32) {
    let sql = format!(
        "insert into sch_chameleon.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, \
                i_binlog_position, b_started, b_processed, ts_created, v_log_table) \
         values ({batch}, {source}, 'binlog.000001', {batch} * 1000, true, true, \
                 '2024-01-01'::timestamp + {batch} * interval '1 minute', 't_log_replica_{table}')"
    );
    run(c, &sql).await;
    add_rows(c, &format!("t_log_replica_{table}"), batch, source, rows).await;
}

/// Adds insert events of a batch to a log table.
pub(crate) async fn add_rows(c: &Client, table: &str, batch: i64, source: u32, rows: u32) {
    let sql = format!(
        "insert into sch_chameleon.{table} (i_id_batch, v_table_name, v_schema_name, \
                enm_binlog_event, t_binlog_name, i_binlog_position, jsb_event_data, \
                jsb_event_update) \
         select {batch}, 'orders', 'dest{source}', 'insert', 'binlog.000001', {batch} * 1000, \
                jsonb_build_object('id', {batch} * 10000 + n, 'note', 'row ' || n), '{{}}' \
           from generate_series(1, {rows}) n"
    );
    run(c, &sql).await;
}

/// Upgrades, silently.
pub(crate) async fn upgrade(c: &mut Client) -> Outcome {
    upgrade_with(c, Options::default()).await.unwrap()
}

pub(crate) async fn upgrade_with(
    c: &mut Client,
    options: Options,
) -> Result<Outcome, upgrade::UpgradeError> {
    let mut silent = |_: Event| {};
    upgrade::apply(c, options, &mut silent).await
}

/// Upgrades and holds that the result is what a new catalog is.
pub(crate) async fn upgrade_wholly(c: &mut Client) -> Outcome {
    let before = contents(c).await;
    let outcome = upgrade(c).await;
    assert_eq!(outcome.done, Done::Upgraded);
    must_be_whole(c).await;
    assert_eq!(contents(c).await, before, "the rows of the relay");
    outcome
}

/// The catalog has what a new one has, and nothing else but rows in quarantine.
pub(crate) async fn must_be_whole(c: &Client) {
    let found = upgrade::verify(c).await.unwrap();
    assert!(found.differences.is_empty(), "{:#?}", found.differences);
    assert_eq!(found.version, "1.3");
    assert!(found.whole);
}

/// All rows of the relay, wherever they lie, without their event ids, which may change: batch by
/// batch in their order.
pub(crate) async fn contents(c: &Client) -> Vec<String> {
    let quarantine = "select to_regclass('sch_chameleon.t_quarantined_rows') is not null";
    let quarantined = match value::<bool>(c, quarantine).await {
        true => {
            "union all select i_id_batch, i_id_event, v_schema_name, v_table_name, \
                    enm_binlog_event, jsb_event_data from sch_chameleon.t_quarantined_rows"
        }
        false => "",
    };
    let sql = format!(
        "select concat_ws(' ', i_id_batch, v_schema_name, v_table_name, enm_binlog_event, \
                jsb_event_data) \
           from (select i_id_batch, i_id_event, v_schema_name, v_table_name, enm_binlog_event, \
                        jsb_event_data from sch_chameleon.t_log_replica {quarantined}) entry \
          order by i_id_batch, i_id_event, jsb_event_data::text"
    );
    lines(c, &sql).await
}

/// What the catalog is, in lines: its objects, and its rows with their event ids.
pub(crate) async fn fingerprint(c: &Client) -> Vec<String> {
    let mut all = lines(c, LISTING).await;
    all.extend(lines(c, "select t_version from sch_chameleon.v_version").await);
    let sql = "select concat_ws(' ', tableoid::regclass, l) from sch_chameleon.t_log_replica l \
               order by tableoid, i_id_event";
    all.extend(lines(c, sql).await);
    for table in [
        "t_sources",
        "t_replica_batch",
        "t_replica_tables",
        "t_discarded_rows",
    ] {
        all.extend(
            lines(
                c,
                &format!("select t::text from sch_chameleon.{table} t order by 1"),
            )
            .await,
        );
    }
    all
}

/// Rows of a table of the catalog alone, without its children.
pub(crate) async fn rows_only(c: &Client, table: &str) -> i64 {
    value(
        c,
        &format!("select count(*) from only sch_chameleon.{table}"),
    )
    .await
}
