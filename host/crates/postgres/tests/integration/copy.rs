//! The COPY itself: transactions, refusals, frames.

use chameleon_diag::{Diagnostic, render_error};
use chameleon_model::{Cell, CellForm, ChangeBuffer, ColumnType, MappingRules, PgType, TypeKind};
use chameleon_postgres::{BinaryCopy, Class, Client, ColumnEncoder, Constraint, EncodeError};

use crate::server::with_database;

const STATEMENT: &str = "copy t (a, b) from stdin (format binary)";

fn encoders() -> Vec<ColumnEncoder> {
    let plan = |kind, target| {
        let source = ColumnType::new(kind, "declared");
        ColumnEncoder::plan(&source, &target, &MappingRules::default(), CellForm::Source).unwrap()
    };
    vec![
        plan(TypeKind::Int, PgType::Int4),
        plan(TypeKind::Text, PgType::Text),
    ]
}

async fn table(client: &Client) {
    client
        .batch_execute("create table t (a int primary key, b text)")
        .await
        .unwrap();
}

async fn count(client: &Client) -> i64 {
    client
        .query_one("select count(*) from t", &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn a_copy_belongs_to_its_transaction() {
    with_database(|mut client, _| async move {
        table(&client).await;
        let encoders = encoders();
        let buffer = ChangeBuffer::default();
        for (commit, rows) in [(false, 0), (true, 1)] {
            let transaction = client.transaction().await.unwrap();
            let mut copy = BinaryCopy::start(&transaction, STATEMENT, 2).await.unwrap();
            copy.write_row(&encoders, &buffer, &[Cell::Int(1), Cell::Null])
                .unwrap();
            assert_eq!(copy.finish().await.unwrap(), 1);
            if commit {
                transaction.commit().await.unwrap();
            } else {
                transaction.rollback().await.unwrap();
            }
            assert_eq!(count(&client).await, rows);
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_that_cannot_be_encoded_is_left_out_and_the_copy_goes_on() {
    with_database(|client, _| async move {
        table(&client).await;
        let encoders = encoders();
        let mut buffer = ChangeBuffer::default();
        let nul = Cell::Text(buffer.put(b"\0"));
        let mut copy = BinaryCopy::start(&client, STATEMENT, 2).await.unwrap();
        copy.write_row(&encoders, &buffer, &[Cell::Int(1), Cell::Null])
            .unwrap();
        let error = copy
            .write_row(&encoders, &buffer, &[Cell::Int(2), nul])
            .unwrap_err();
        assert_eq!(
            (error.column, &error.source),
            (1, &EncodeError::NulCharacter)
        );
        assert_eq!(error.code().as_str(), "RPL101");
        let short = copy
            .write_row(&encoders, &buffer, &[Cell::Int(2)])
            .unwrap_err();
        assert_eq!(short.source, EncodeError::Mismatch);
        copy.write_row(&encoders, &buffer, &[Cell::Int(3), Cell::Null])
            .unwrap();
        assert_eq!(copy.rows(), 2);
        assert_eq!(copy.finish().await.unwrap(), 2);
        assert_eq!(count(&client).await, 2);
    })
    .await;
}

#[tokio::test]
async fn many_frames_and_rows_longer_than_a_frame_arrive_whole() {
    with_database(|client, _| async move {
        table(&client).await;
        let encoders = encoders();
        let mut buffer = ChangeBuffer::default();
        let mut copy = BinaryCopy::start(&client, STATEMENT, 2).await.unwrap();
        let mut expected = 0;
        for i in 0..3000i64 {
            let length = if i % 1000 == 999 { 5_000_000 } else { 500 };
            buffer.clear();
            let text = Cell::Text(buffer.put("é".repeat(length / 2).as_bytes()));
            copy.write_row(&encoders, &buffer, &[Cell::Int(i), text])
                .unwrap();
            copy.drain().await.unwrap();
            assert!(!copy.is_full());
            expected += i64::try_from(length / 2).unwrap();
        }
        assert_eq!(copy.finish().await.unwrap(), 3000);
        let row = client
            .query_one("select sum(length(b)), sum(a) from t", &[])
            .await
            .unwrap();
        assert_eq!(
            (row.get::<_, i64>(0), row.get::<_, i64>(1)),
            (expected, 2999 * 1500)
        );
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_is_dropped_stores_nothing_and_leaves_the_session_usable() {
    with_database(|client, _| async move {
        table(&client).await;
        let encoders = encoders();
        let buffer = ChangeBuffer::default();
        let mut copy = BinaryCopy::start(&client, STATEMENT, 2).await.unwrap();
        copy.write_row(&encoders, &buffer, &[Cell::Int(1), Cell::Null])
            .unwrap();
        drop(copy);
        assert_eq!(count(&client).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_names_the_constraint_and_never_the_value() {
    with_database(|client, _| async move {
        table(&client).await;
        client
            .batch_execute("create unique index t_b on t (b)")
            .await
            .unwrap();
        let encoders = encoders();
        let mut buffer = ChangeBuffer::default();
        let secret = Cell::Text(buffer.put(b"hunter2"));
        let mut copy = BinaryCopy::start(&client, STATEMENT, 2).await.unwrap();
        for i in 0..20_000 {
            copy.write_row(&encoders, &buffer, &[Cell::Int(i), secret])
                .unwrap();
            copy.drain().await.unwrap();
        }
        let error = copy.finish().await.unwrap_err();
        assert_eq!(error.class(), Class::Constraint(Constraint::Unique));
        assert_eq!(error.code().as_str(), "TGT005");
        let chameleon_postgres::PostgresError::Statement { source, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(source.sqlstate(), Some("23505"));
        assert_eq!(source.constraint(), Some("t_b"));
        assert_eq!(source.table(), Some("public.t"));
        let shown = format!("{}{error:?}", render_error(&error));
        assert!(
            shown.contains("t_b") && !shown.contains("hunter2"),
            "{shown}"
        );
    })
    .await;
}

#[tokio::test]
async fn messages_that_quote_a_value_are_not_kept() {
    with_database(|client, _| async move {
        for statement in [
            "select 'hunter2'::int",
            "do $$ begin raise exception 'it is hunter2'; end $$",
            "do $$ begin raise exception 'hunter2' using errcode = '23505'; end $$",
            "select '{\"a\": hunter2}'::jsonb",
        ] {
            let error = client.batch_execute(statement).await.unwrap_err();
            let error = chameleon_postgres::PostgresError::statement("try", &error);
            let shown = format!("{}{error:?}", render_error(&error));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    })
    .await;
}
