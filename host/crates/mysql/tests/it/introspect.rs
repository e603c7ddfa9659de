//! Schemas as information_schema shows them.

use chameleon_diag::{Diagnostic, codes};
use chameleon_model::{IndexKind, TypeKind};
use chameleon_mysql::{Flavor, TableSelection, introspect};

use crate::support::TestDb;

#[tokio::test]
async fn types_are_read_with_length_scale_and_character_set() {
    let mut db = TestDb::new().await;
    db.run(
        "create table t (
           id int unsigned not null auto_increment comment 'it''s',
           a varchar(20) character set latin1,
           d decimal(10,2) zerofill, bt bit(5), flag tinyint(1), y year,
           tm time(3), dt datetime(6), ts timestamp null, bin binary(5), vb varbinary(9),
           tx text, mt mediumtext character set ucs2, lb longblob, g geometry,
           fl float, db double unsigned,
           g1 int generated always as (flag + 1) stored,
           g2 varchar(30) generated always as (concat(a, 'x')) virtual,
           primary key (id)) comment 'tab' character set utf8mb4",
    )
    .await;
    let table = db.table("t").await;
    assert_eq!(table.comment, "tab");
    assert_eq!(table.charset.as_deref(), Some("utf8mb4"));
    assert_eq!(table.primary_key, [0]);
    let id = &table.columns[0];
    assert!(id.ty.unsigned && id.auto_increment && !id.nullable);
    assert_eq!(id.comment, "it's");
    let check = |name: &str, kind, length: u32, scale: u8| {
        let column = &table.columns[table.column_index(name).unwrap()];
        assert_eq!(
            (column.ty.kind, column.ty.length, column.ty.scale),
            (kind, length, scale),
            "{name}"
        );
        column
    };
    assert_eq!(
        check("a", TypeKind::VarChar, 20, 0).ty.charset.as_deref(),
        Some("latin1")
    );
    assert!(check("d", TypeKind::Decimal, 10, 2).ty.unsigned);
    check("bt", TypeKind::Bit, 5, 0);
    check("flag", TypeKind::TinyInt, 1, 0);
    check("y", TypeKind::Year, 0, 0);
    check("tm", TypeKind::Time, 0, 3);
    check("dt", TypeKind::DateTime, 0, 6);
    check("ts", TypeKind::Timestamp, 0, 0);
    check("bin", TypeKind::Binary, 5, 0);
    check("vb", TypeKind::VarBinary, 9, 0);
    check("tx", TypeKind::Text, 65_535, 0);
    assert_eq!(
        check("mt", TypeKind::Text, 16_777_215, 0)
            .ty
            .charset
            .as_deref(),
        Some("ucs2")
    );
    check("lb", TypeKind::Blob, u32::MAX, 0);
    check("g", TypeKind::Geometry, 0, 0);
    check("fl", TypeKind::Float, 0, 0);
    check("db", TypeKind::Double, 0, 0);
    assert!(check("g1", TypeKind::Int, 0, 0).generated);
    assert!(check("g2", TypeKind::VarChar, 30, 0).generated);
}

#[tokio::test]
async fn labels_are_read_with_quotes_escapes_and_emoji() {
    let mut db = TestDb::new().await;
    db.run(
        "create table t (
           e enum('', 'a b', 'c,d', 'q''q', 'b\\\\s', 'n\\nl', 'dq\"', '?x', '🦎x', '🦎🦎')
             character set utf8mb4 collate utf8mb4_bin,
           s set('x', '🦎', 'y''z', '🐢') character set utf8mb4 collate utf8mb4_bin,
           l enum('ä', 'ß') character set latin1);
         insert into t values ('🦎x', 'x,🐢,🦎', 'ä')",
    )
    .await;
    let table = db.table("t").await;
    // the last label is used by no row, so nothing can tell its text
    let expect = [
        "", "a b", "c,d", "q'q", "b\\s", "n\nl", "dq\"", "?x", "🦎x", "??",
    ];
    assert_eq!(table.columns[0].ty.labels, expect);
    assert_eq!(table.columns[1].ty.labels, ["x", "🦎", "y'z", "🐢"]);
    assert_eq!(table.columns[2].ty.labels, ["ä", "ß"]);
}

#[tokio::test]
async fn indexes_and_foreign_keys_are_read_in_key_order() {
    let mut db = TestDb::new().await;
    db.run(
        "create table p (a int, b int, primary key (b, a));
         create table c (
           id int primary key, y int, x int, v varchar(30), tx text, g point not null,
           unique key u (v(5), x), key d (id desc, v), fulltext key ft (tx), spatial key sp (g),
           constraint fk foreign key (y, x) references p (b, a)
             on delete cascade on update set null)",
    )
    .await;
    let tables = db.tables().await;
    let names: Vec<&str> = tables.iter().map(|t| t.name.name.as_str()).collect();
    assert_eq!(names, ["c", "p"]);
    assert_eq!(tables[1].primary_key, [1, 0]);
    let table = &tables[0];
    let index = |name: &str| table.indexes.iter().find(|i| i.name == name).unwrap();
    let u = index("u");
    assert!(u.unique);
    let parts: Vec<_> = u.parts.iter().map(|p| (p.column, p.prefix)).collect();
    assert_eq!(parts, [(Some(3), Some(5)), (Some(2), None)]);
    assert!(index("d").parts[0].descending || db.version().await.0 == Flavor::MariaDb);
    assert_eq!(index("ft").kind, IndexKind::FullText);
    assert_eq!(
        (index("sp").kind, index("sp").parts[0].prefix),
        (IndexKind::Spatial, None)
    );
    let key = &table.foreign_keys[0];
    assert_eq!(
        (key.columns.as_slice(), key.referenced_columns.as_slice()),
        (
            ["y".to_owned(), "x".to_owned()].as_slice(),
            ["b".to_owned(), "a".to_owned()].as_slice()
        )
    );
    assert_eq!(
        (key.on_delete.as_str(), key.on_update.as_str()),
        ("CASCADE", "SET NULL")
    );
    assert_eq!(key.referenced, tables[1].name);
}

#[tokio::test]
async fn odd_names_survive_and_views_are_left_out() {
    let mut db = TestDb::new().await;
    db.run(
        "create table `we``ird \"x.y` (`a``\"b c` int primary key, `order` int comment 'a\\\\b''c');
         create table skipped (a int); create table other (a int);
         create view v as select 1 as one",
    )
    .await;
    let selection = TableSelection {
        limit: vec![
            "we`ird \"x.y".into(),
            "skipped".into(),
            "missing".into(),
            "v".into(),
        ],
        skip: vec!["skipped".into()],
    };
    let mut conn = db.connect().await;
    let tables = introspect::load_tables(&mut conn, &db.source.database, &selection)
        .await
        .unwrap();
    assert_eq!(tables.len(), 1);
    assert_eq!(tables[0].name.name, "we`ird \"x.y");
    assert_eq!(tables[0].columns[0].name, "a`\"b c");
    assert_eq!(tables[0].columns[1].comment, "a\\b'c");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let db = TestDb::new().await;
    let mut conn = db.connect().await;
    let error = introspect::load_tables(&mut conn, "nowhere", &TableSelection::all())
        .await
        .unwrap_err();
    assert_eq!(error.code(), codes::SRC003);
    assert!(error.to_string().contains("nowhere"));
}

#[tokio::test]
async fn mariadb_types_are_told_apart() {
    let mut db = TestDb::new().await;
    let (flavor, version) = db.version().await;
    if flavor != Flavor::MariaDb {
        return;
    }
    db.run(
        "create table t (j json, jl longtext check (json_valid(jl) and length(jl) < 100),
           plain longtext, u uuid, i inet6, c varchar(100) compressed, inv int invisible,
           p point ref_system_id = 4326, q point);
         create table v (id int primary key, a int) with system versioning;
         create table w (id int primary key, a int,
           rs timestamp(6) generated always as row start invisible,
           re timestamp(6) generated always as row end invisible,
           period for system_time (rs, re)) with system versioning;
         create sequence s",
    )
    .await;
    if version >= 110_700 {
        db.run("create table x (id int primary key, v vector(3) not null, vector index (v))")
            .await;
        let table = db.table("x").await;
        assert_eq!(
            (table.columns[1].ty.kind, table.columns[1].ty.length),
            (TypeKind::Vector, 3)
        );
        assert_eq!(table.indexes[0].kind, IndexKind::Vector);
    }
    let table = db.table("t").await;
    let kinds: Vec<TypeKind> = table.columns.iter().map(|c| c.ty.kind).collect();
    use TypeKind::{Geometry, Inet6, Int, Json, Text, Uuid, VarChar};
    assert_eq!(
        kinds,
        [
            Json, Json, Text, Uuid, Inet6, VarChar, Int, Geometry, Geometry
        ]
    );
    let compressed = &table.columns[5].ty;
    assert!(compressed.compressed && compressed.declared == "varchar(100)");
    assert!(table.columns[6].invisible);
    assert_eq!(
        (table.columns[7].ty.srid, table.columns[8].ty.srid),
        (Some(4326), None)
    );
    let versioned = db.table("v").await;
    assert_eq!(
        (versioned.columns.len(), versioned.primary_key.as_slice()),
        (2, [0].as_slice())
    );
    let declared = db.table("w").await;
    assert_eq!(declared.primary_key, [0]);
    assert!(declared.columns[3].ty.declared.ends_with("as row end"));
    assert!(declared.columns[3].invisible);
    assert!(db.tables().await.iter().all(|t| t.name.name != "s"));
}

#[tokio::test]
async fn mysql_types_are_told_apart() {
    let mut db = TestDb::new().await;
    let (flavor, version) = db.version().await;
    if flavor != Flavor::MySql || version < 80_023 {
        return;
    }
    db.run(
        "create table t (id int primary key, a varchar(20), b int invisible, j json,
           p point not null srid 4326, key fx ((upper(a)), b));
         set sql_generate_invisible_primary_key = on; create table g (a int)",
    )
    .await;
    let table = db.table("t").await;
    assert_eq!(table.columns.len(), 5);
    assert!(table.columns[2].invisible);
    assert_eq!(table.columns[3].ty.kind, TypeKind::Json);
    assert_eq!(table.columns[4].ty.srid, Some(4326));
    let parts: Vec<_> = table.indexes[0].parts.iter().map(|p| p.column).collect();
    assert_eq!(parts, [None, Some(2)]);
    let generated = db.table("g").await;
    assert_eq!(generated.columns[0].name, "my_row_id");
    assert!(generated.columns[0].invisible && generated.primary_key == [0]);
    if version >= 90_000 {
        db.run("create table v (id int primary key, v vector(3))")
            .await;
        let table = db.table("v").await;
        assert_eq!(
            (table.columns[1].ty.kind, table.columns[1].ty.length),
            (TypeKind::Vector, 3)
        );
    }
}

#[tokio::test]
async fn the_number_of_queries_does_not_depend_on_the_number_of_tables() {
    let mut db = TestDb::new().await;
    let mut sql = String::new();
    for n in 0..60 {
        sql.push_str(&format!(
            "create table t{n} (id int primary key, a int, key k (a));"
        ));
    }
    db.run(&sql).await;
    let queries = async |conn: &mut chameleon_mysql::SourceConn, selection: &TableSelection| {
        let before = conn.session_questions().await.unwrap();
        let tables = introspect::load_tables(conn, &db.source.database, selection)
            .await
            .unwrap();
        (
            tables.len(),
            conn.session_questions().await.unwrap() - before,
        )
    };
    let mut conn = db.connect().await;
    let one = TableSelection {
        limit: vec!["t1".into()],
        skip: vec![],
    };
    let (few, few_queries) = queries(&mut conn, &one).await;
    let (many, many_queries) = queries(&mut conn, &TableSelection::all()).await;
    assert_eq!((few, many), (1, 60));
    assert_eq!(few_queries, many_queries);
}
