//! Array parameters beyond what the table of types shows.

use chameleon_model::{Cell, CellForm, ChangeBuffer, ColumnType, MappingRules, PgType, TypeKind};
use chameleon_postgres::{ArrayParam, ColumnEncoder, Param};

use crate::server::with_database;

fn encoder(kind: TypeKind, target: &PgType) -> ColumnEncoder {
    let source = ColumnType::new(kind, "declared");
    ColumnEncoder::plan(&source, target, &MappingRules::default(), CellForm::Source).unwrap()
}

#[tokio::test]
async fn arrays_are_taken_back_cleared_and_empty() {
    with_database(|client, _| async move {
        let encoder = encoder(TypeKind::Int, &PgType::Int4);
        let buffer = ChangeBuffer::default();
        let mut array = ArrayParam::new(&encoder);
        let query = "select coalesce(array_to_string($1::int[], ',', 'null'), '')";
        let shown = async |array: &ArrayParam| -> String {
            client.query_one(query, &[array]).await.unwrap().get(0)
        };
        assert_eq!(shown(&array).await, "");
        array.push(&encoder, &buffer, Cell::Int(1)).unwrap();
        array.push_null();
        array.push(&encoder, &buffer, Cell::Null).unwrap();
        array.push(&encoder, &buffer, Cell::Int(4)).unwrap();
        assert!(array.push(&encoder, &buffer, Cell::UInt(u64::MAX)).is_err());
        assert_eq!(array.len(), 4);
        assert_eq!(shown(&array).await, "1,null,null,4");
        array.truncate(2);
        array.push_value(&7i32.to_be_bytes()).unwrap();
        assert_eq!(shown(&array).await, "1,null,7");
        array.clear();
        assert!(array.is_empty() && array.bytes() == 0);
        assert_eq!(shown(&array).await, "");
    })
    .await;
}

#[tokio::test]
async fn a_parameter_of_another_type_is_refused_before_it_is_sent() {
    with_database(|client, _| async move {
        let array = ArrayParam::new(&encoder(TypeKind::Int, &PgType::Int4));
        let refused = client.query("select $1::bigint[]", &[&array]).await;
        assert!(refused.is_err());
        let value = 7i32.to_be_bytes();
        assert!(
            client
                .query("select $1::bigint", &[&Param::new(23, Some(&value))])
                .await
                .is_err()
        );
        assert!(client.query("select 1", &[]).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn encoded_parameters_are_sent_as_they_are() {
    with_database(|client, _| async move {
        let encoder = encoder(TypeKind::Int, &PgType::Int4);
        let buffer = ChangeBuffer::default();
        let mut fields = Vec::new();
        encoder.binary(&buffer, Cell::Int(-7), &mut fields).unwrap();
        let there = Param::from_field(23, &fields);
        let null = Param::new(23, None);
        let row = client
            .query_one("select $1::int, $2::int", &[&there, &null])
            .await
            .unwrap();
        assert_eq!((row.get(0), row.get(1)), (Some(-7), None::<i32>));
        fields.clear();
        encoder.binary(&buffer, Cell::Null, &mut fields).unwrap();
        let null = Param::from_field(23, &fields);
        let row = client.query_one("select $1::int", &[&null]).await.unwrap();
        assert_eq!(row.get::<_, Option<i32>>(0), None);
    })
    .await;
}
