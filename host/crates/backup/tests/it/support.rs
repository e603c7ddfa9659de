//! A fresh database per test, with a catalog of 1.2 and one of ours that could have come from it.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use chameleon_backup::{Backup, Out, create};
use chameleon_catalog::{drop_schema, install, refresh_parts};
use chameleon_postgres::{Client, ConnectOptions, connect};
use tempfile::TempDir;

const VARIABLE: &str = "CHAMELEON_TEST_POSTGRES_URL";

/// Tables of a catalog that the real 1.2 made, with a source `src1` for `dest1`.
const OF_1_2: &str = include_str!("../../../../../testdata/catalogs/1.2.original.sql");
/// The schema as lines of text.
const LISTING: &str = include_str!("../../../../../testdata/catalogs/listing.sql");

/// Two sources of 1.2: `src1` has two batches that wait, `src2` has none. In both the log tables
/// alternate, as 1.2 alternates them.
const STATE_OF_1_2: &str = r#"
insert into sch_chameleon.t_sources (t_source, t_dest_schema, enm_status)
values ('src2', 'Dest "2"', 'stopped');
update sch_chameleon.t_sources set enm_status = 'stopped';
insert into sch_chameleon.t_replica_tables
       (i_id_source, v_table_name, v_schema_name, v_table_pkey)
values (1, 't', 'dest1', array['"id"']), (2, 'odd name', 'Dest "2"', array['"a","b"']);
insert into sch_chameleon.t_replica_batch
       (i_id_source, t_binlog_name, i_binlog_position, b_started, b_processed, b_replayed,
        ts_created, v_log_table)
values (1, 'binlog.000001', 100, true, true, true, '2020-01-01 00:00:01', 't_log_replica_1'),
       (1, 'binlog.000001', 200, true, true, false, '2020-01-01 00:00:02', 't_log_replica_2'),
       (1, 'binlog.000001', 300, true, true, false, '2020-01-01 00:00:03', 't_log_replica_1'),
       (1, 'binlog.000001', 400, false, false, false, '2020-01-01 00:00:04', 't_log_replica_2'),
       (2, 'binlog.000001', 250, false, false, false, '2020-01-01 00:00:05', 't_log_replica_1');
insert into sch_chameleon.t_log_replica_2
       (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data, jsb_event_update)
select 2, 't', 'dest1', 'insert', jsonb_build_object('id', n, 'v', 'wörd' || n), '{}'
  from generate_series(1, 40) n;
insert into sch_chameleon.t_log_replica_1
       (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data, jsb_event_update)
select 3, 't', 'dest1', 'insert', jsonb_build_object('id', n), '{}'
  from generate_series(41, 50) n;
insert into sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) values (1, 'YmFzZTY0');
insert into sch_chameleon.t_index_def (i_id_source, v_schema, v_table, v_index, t_create, t_drop)
values (1, 'dest1', 't', 'i', 'create', 'drop');
"#;

/// The same in a catalog of ours.
const STATE_OF_1_3: &str = r#"
insert into sch_chameleon.t_sources (t_source, t_dest_schema, enm_status, v_log_table)
select 'src' || n, case n when 1 then 'dest1' else 'Dest "2"' end, 'stopped',
       array['t_log_replica_1_src_' || n, 't_log_replica_2_src_' || n]
  from generate_series(1, 2) n;
insert into sch_chameleon.t_replica_tables
       (i_id_source, v_table_name, v_schema_name, v_table_pkey)
values (1, 't', 'dest1', array['"id"']), (2, 'odd name', 'Dest "2"', array['"a","b"']);
insert into sch_chameleon.t_replica_batch
       (i_id_source, t_binlog_name, i_binlog_position, b_started, b_processed, b_replayed,
        ts_created)
values (1, 'binlog.000001', 100, true, true, true, '2020-01-01 00:00:01'),
       (1, 'binlog.000001', 200, true, true, false, '2020-01-01 00:00:02'),
       (1, 'binlog.000001', 300, true, true, false, '2020-01-01 00:00:03'),
       (1, 'binlog.000001', 400, false, false, false, '2020-01-01 00:00:04'),
       (2, 'binlog.000001', 250, false, false, false, '2020-01-01 00:00:05');
insert into sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) values (1, 'YmFzZTY0');
insert into sch_chameleon.t_index_def (i_id_source, v_schema, v_table, v_index, t_create, t_drop)
values (1, 'dest1', 't', 'i', 'create', 'drop');
"#;

/// Its log tables, which are made in between.
const ROWS_OF_1_3: &str = r#"
insert into sch_chameleon.t_log_replica_2_src_1
       (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data, jsb_event_update)
select 2, 't', 'dest1', 'insert', jsonb_build_object('id', n, 'v', 'wörd' || n), '{}'
  from generate_series(1, 40) n;
insert into sch_chameleon.t_log_replica_1_src_1
       (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data, jsb_event_update)
select 3, 't', 'dest1', 'insert', jsonb_build_object('id', n), '{}'
  from generate_series(41, 50) n;
"#;

/// Rows whose batch is gone, behind a foreign key that says otherwise.
pub(crate) const ORPHANS: &str = r#"
begin;
set local session_replication_role = replica;
insert into sch_chameleon.t_log_replica_1
       (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data, jsb_event_update)
select 900, 't', 'dest1', 'insert', jsonb_build_object('id', n), '{}'
  from generate_series(101, 107) n;
commit;
"#;

/// A database of the test's own, and a directory.
pub(crate) struct Place {
    pub(crate) options: ConnectOptions,
    pub(crate) c: Client,
    pub(crate) directory: TempDir,
}

impl Place {
    /// Another session with that application name.
    pub(crate) async fn session(&self, application_name: &str) -> Client {
        let mut options = self.options.clone();
        options.application_name = application_name.into();
        connect(&options).await.unwrap()
    }

    /// The file of a backup.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A backup of the catalog.
    pub(crate) async fn backup(&self) -> Backup {
        let out = Out::Directory(self.directory.path().join("backup"));
        create(&self.options, &out).await.unwrap()
    }

    /// Makes the catalog of 1.2.
    pub(crate) async fn old_catalog(&self) {
        run(&self.c, OF_1_2).await;
        run(&self.c, STATE_OF_1_2).await;
    }

    /// What an upgrade would have made of it.
    pub(crate) async fn new_catalog(&self) {
        run(&self.c, "drop schema sch_chameleon cascade").await;
        install(&self.c).await.unwrap();
        run(&self.c, STATE_OF_1_3).await;
        refresh_parts(&self.c).await.unwrap();
        run(&self.c, ROWS_OF_1_3).await;
    }

    /// The schema as lines.
    pub(crate) async fn listing(&self) -> Vec<String> {
        let rows = self.c.query(LISTING, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The one value of a statement's one row.
    pub(crate) async fn value<T>(&self, sql: &str) -> T
    where
        T: for<'a> chameleon_postgres::tokio_postgres::types::FromSql<'a>,
    {
        match self.c.query_one(sql, &[]).await {
            Ok(row) => row.get(0),
            Err(error) => panic!("{error:?}: {sql}"),
        }
    }

    /// All values of a statement's one text column.
    pub(crate) async fn lines(&self, sql: &str) -> Vec<String> {
        match self.c.query(sql, &[]).await {
            Ok(rows) => rows.iter().map(|row| row.get(0)).collect(),
            Err(error) => panic!("{error:?}: {sql}"),
        }
    }
}

/// Runs a test in a database of its own, which is dropped afterwards whatever happens.
pub(crate) async fn in_database<F, Fut>(test: F)
where
    F: FnOnce(Place) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = std::env::var(VARIABLE) else {
        panic!("{VARIABLE} is not set: run `cargo xtask test`, which starts the servers");
    };
    let server = ConnectOptions::from_url(&url).unwrap();
    let admin = connect(&server).await.unwrap();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("backup_{}_{number}", std::process::id());
    run(&admin, &format!("create database {name}")).await;
    let options = ConnectOptions {
        database: name.clone(),
        application_name: "chameleon test".into(),
        ..server
    };
    let place = Place {
        c: connect(&options).await.unwrap(),
        options,
        directory: tempfile::tempdir().unwrap(),
    };
    let outcome = tokio::spawn(test(place)).await;
    run(&admin, &format!("drop database {name} with (force)")).await;
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Runs a test on a catalog of ours, and a backup of the one of 1.2 that it came from.
pub(crate) async fn after_upgrade<F, Fut>(test: F)
where
    F: FnOnce(Place, Backup) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    in_database(|place| async move {
        place.old_catalog().await;
        let backup = place.backup().await;
        place.new_catalog().await;
        test(place, backup).await;
    })
    .await;
}

/// Drops what `install` made; only to see that a test's own setup is ours to drop.
pub(crate) async fn drop_catalog(c: &Client) {
    drop_schema(c).await.unwrap();
}

/// Names the scratch databases of this process.
pub(crate) fn scratch_databases() -> String {
    format!(
        "select datname::text from pg_database \
          where starts_with(datname::text, 'chameleon_verify_{}_') order by 1",
        std::process::id()
    )
}

/// Runs a script.
pub(crate) async fn run(c: &Client, sql: &str) {
    if let Err(error) = c.batch_execute(sql).await {
        panic!("{error:?}: {sql}");
    }
}
