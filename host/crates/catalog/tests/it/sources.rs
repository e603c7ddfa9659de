//! Sources, their status, and the tables of 1.3 that go with them.

use chameleon_catalog::{
    CatalogError, SourceStatus, add_source, drop_source, refresh_parts, row_errors, set_status,
    source, sources, status, tables,
};

use crate::support::{run, value, with_source};

#[tokio::test]
async fn a_source_is_registered_once_with_its_log_tables() {
    with_source(|_, c, row| async move {
        assert_eq!(row.name, "shop");
        assert_eq!(row.dest_schema, "dest");
        assert_eq!(row.status, SourceStatus::Ready);
        assert_eq!(
            row.log_tables,
            [
                format!("t_log_replica_1_src_{}", row.id),
                format!("t_log_replica_2_src_{}", row.id)
            ]
        );
        let taken = |e: CatalogError| match e {
            CatalogError::SourceTaken { taken, .. } => taken,
            e => panic!("{e:?}"),
        };
        assert_eq!(
            taken(add_source(&c, "shop", "x").await.unwrap_err()),
            "name"
        );
        assert_eq!(
            taken(add_source(&c, "x", "dest").await.unwrap_err()),
            "schema"
        );
        add_source(&c, "a 'quoted\" \\ name", "😀").await.unwrap();
        let names: Vec<String> = sources(&c)
            .await
            .unwrap()
            .into_iter()
            .map(|s| s.name)
            .collect();
        assert_eq!(names, ["a 'quoted\" \\ name", "shop"]);
        assert!(matches!(
            source(&c, "nobody").await,
            Err(CatalogError::UnknownSource { .. })
        ));
    })
    .await;
}

#[tokio::test]
async fn dropping_a_source_drops_its_log_tables_and_nothing_of_another() {
    with_source(|_, c, row| async move {
        add_source(&c, "other", "other").await.unwrap();
        let other = source(&c, "other").await.unwrap();
        for s in [&row, &other] {
            let batch = chameleon_catalog::batches::start_at(&c, s.id, &crate::support::at(4))
                .await
                .unwrap();
            row_errors::discard(&c, batch, "a row").await.unwrap();
        }
        assert!(drop_source(&c, "shop").await.unwrap());
        assert!(!drop_source(&c, "shop").await.unwrap());
        let left: i64 = value(
            &c,
            "select count(*) from pg_class where relname like 't\\_log\\_replica\\_%\\_src\\_%' \
             and relkind = 'r'",
        )
        .await;
        assert_eq!(left, 2);
        for table in ["t_replica_batch", "t_batch_detail", "t_discarded_rows"] {
            let count: i64 =
                value(&c, &format!("select count(*) from sch_chameleon.{table}")).await;
            assert_eq!(count, 1, "{table}");
        }
        assert_eq!(sources(&c).await.unwrap(), [other]);
    })
    .await;
}

#[tokio::test]
async fn log_tables_and_indexes_that_are_missing_are_made_again() {
    with_source(|_, c, row| async move {
        run(
            &c,
            &format!(
                "drop table sch_chameleon.{}; drop index sch_chameleon.idx_{}_i_id_batch",
                row.log_tables[0], row.log_tables[1]
            ),
        )
        .await;
        refresh_parts(&c).await.unwrap();
        let indexes: i64 = value(
            &c,
            "select count(*) from pg_indexes where schemaname = 'sch_chameleon' \
             and indexdef like '%USING brin%'",
        )
        .await;
        assert_eq!(indexes, 2);
    })
    .await;
}

#[tokio::test]
async fn the_status_is_that_of_1_3() {
    with_source(|_, c, row| async move {
        let all = [
            SourceStatus::Initialising,
            SourceStatus::Initialised,
            SourceStatus::Running,
            SourceStatus::Stopped,
            SourceStatus::Error,
            SourceStatus::Ready,
        ];
        for word in all {
            set_status(&c, row.id, word).await.unwrap();
            assert_eq!(source(&c, "shop").await.unwrap().status, word);
        }
        let before = &status(&c).await.unwrap()[0];
        assert_eq!((&before.lag, &before.last_event), (&None, &None));
        run(
            &c,
            "update sch_chameleon.t_sources set ts_last_event = localtimestamp - interval '90 s'",
        )
        .await;
        let after = &status(&c).await.unwrap()[0];
        assert_eq!(after.lag.as_deref().map(|l| &l[..6]), Some("00:01:"));
        assert!(
            after
                .lag_seconds
                .is_some_and(|s| (89.0..100.0).contains(&s))
        );
        assert!(after.last_event.is_some());
        drop_source(&c, "shop").await.unwrap();
        let gone = set_status(&c, row.id, SourceStatus::Running).await;
        assert!(matches!(gone, Err(CatalogError::UnknownSource { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_table_is_registered_as_1_3_writes_it() {
    with_source(|_, c, row| async move {
        assert!(
            tables::register(&c, row.id, "dest", "t", &["a", "b"])
                .await
                .unwrap()
        );
        let stored: String = value(
            &c,
            "select v_table_pkey::text from sch_chameleon.t_replica_tables",
        )
        .await;
        assert_eq!(stored, r#"{"\"a\",\"b\""}"#);
        assert!(
            tables::register(&c, row.id, "dest", "t", &["b"])
                .await
                .unwrap()
        );
        let list = tables::list(&c, row.id).await.unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].key, "\"b\"");
        // a key that does not fit takes the entry away
        let long = "x".repeat(99);
        assert!(
            !tables::register(&c, row.id, "dest", "t", &[&long])
                .await
                .unwrap()
        );
        assert!(tables::list(&c, row.id).await.unwrap().is_empty());
        assert!(!tables::unregister(&c, row.id, "dest", "t").await.unwrap());
        tables::register(&c, row.id, "dest", "u", &["b"])
            .await
            .unwrap();
        assert_eq!(tables::unregister_all(&c, row.id).await.unwrap(), 1);
    })
    .await;
}
