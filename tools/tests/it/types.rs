//! Values of every type, written on either side by plain SQL.

use crate::support::Pair;

const SOURCE: &str = "
create table t (id int primary key,
  i1 tinyint, u1 tinyint unsigned, i3 mediumint, u8 bigint unsigned, z int(6) zerofill,
  de decimal(20,6), f float, d double, bi bit(10), bb bit(64), y year,
  dt date, ti time(3), dm datetime(6), ts timestamp(3) null,
  c char(5), v varchar(50), l text character set latin1, b binary(4), vb varbinary(10), bl blob,
  e enum('small','it''s','ä'), s set('z','a','m'), j json, flag tinyint(1), g geometry);\n
insert into t values
 (1, -128, 255, -8388608, 18446744073709551615, 42,
  '12345678901234.567890', 3.4028235e38, 5e-324, b'0000000101', 18446744073709551615, 2155,
  '2024-02-29', '-838:59:58.999', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999',
  'ab', 'tail  ', 'é€', x'00ff', x'', x'0001fe', 'it''s', 'a,z', '{\"b\": [1.50, true], \"a\": 18446744073709551615}', 2,
  st_geomfromtext('point(1 2)', 3857)),
 (2, 0, 0, 0, 0, 0, 0, 0.1, 0.1, 0, 0, 1901, '0001-01-01', '00:00:00.001', '1000-01-01', '1970-01-01 00:00:01',
  '', '🦎', '', '', null, '', 'ä', '', '[]', 0, null),
 (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
  null, null, null, null, null, null, null, null, null, null, null);\n";

const TARGET: &str = "
create type mood as enum ('small', 'it''s', 'ä');
create table t (id integer primary key,
  i1 smallint, u1 smallint, i3 integer, u8 numeric(20,0), z integer,
  de numeric(20,6), f real, d double precision, bi bit(10), bb bit(64), y smallint,
  dt date, ti interval(3), dm timestamp(6), ts timestamptz(3),
  c varchar(5), v varchar(50), l text, b bytea, vb bytea, bl bytea,
  e mood, s text[], j jsonb, flag boolean, g bytea);
insert into t values
 (1, -128, 255, -8388608, 18446744073709551615, 42,
  12345678901234.567890, '3.4028235e38', '5e-324', b'0000000101', repeat('1', 64)::bit(64), 2155,
  '2024-02-29', '-838:59:58.999', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999+00',
  'ab', 'tail  ', 'é€', '\\x00ff0000', '\\x', '\\x0001fe', 'it''s', '{z,a}',
  '{\"a\": 18446744073709551615, \"b\": [1.5, true]}', true,
  '\\x0101000020110f0000000000000000f03f0000000000000040'),
 (2, 0, 0, 0, 0, 0, 0, '0.1', '0.1', b'0000000000', repeat('0', 64)::bit(64), 1901,
  '0001-01-01', '0.001 s', '1000-01-01', '1970-01-01 00:00:01+00',
  '', '🦎', '', '\\x00000000', null, '\\x', 'ä', '{}', '[]', false, null),
 (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
  null, null, null, null, null, null, null, null, null, null, null);";

#[test]
fn values_of_every_type_are_found_equal() {
    let mut pair = Pair::new("");
    pair.source(SOURCE);
    pair.target(TARGET);
    pair.expect_equal();
}

#[test]
fn the_least_change_of_any_value_is_found_in_its_column() {
    let mut pair = Pair::new("");
    pair.source(SOURCE);
    pair.target(TARGET);
    let changes = [
        ("i1", "-127"),
        ("u8", "18446744073709551614"),
        ("de", "12345678901234.567891"),
        ("f", "'3.4028233e38'::real"),
        ("d", "'1e-323'::float8"),
        ("bi", "b'0000000100'"),
        ("bb", "(repeat('1', 63) || '0')::bit(64)"),
        ("y", "2154"),
        ("dt", "'2024-02-28'"),
        ("ti", "'-838:59:58.998'"),
        ("dm", "'9999-12-31 23:59:59.999998'"),
        ("ts", "'2038-01-19 03:14:07.998+00'"),
        ("c", "'aB'"),
        ("v", "'tail '"),
        ("l", "'é?'"),
        ("b", "'\\x00ff'"),
        ("vb", "null"),
        ("bl", "'\\x0001ff'"),
        ("e", "'small'"),
        ("s", "'{z}'"),
        ("j", "'{\"a\": 18446744073709551616, \"b\": [1.5, true]}'"),
        ("flag", "false"),
        ("g", "'\\x0101000000000000000000f03f0000000000000040'"),
    ];
    for (column, value) in changes {
        pair.target(&format!(
            "begin; update t set {column} = {value} where id = 1; commit"
        ));
        let found = pair.compare_json(&[]);
        let keys = &found["tables"][0]["keys"];
        let expect =
            serde_json::json!([{"key": {"id": "1"}, "what": "different", "columns": [column]}]);
        assert_eq!(*keys, expect, "{column}");
        // back to what it was, by the tool's own statement
        let repair = pair.compare(&["--repair-sql"]).stdout;
        pair.target(&repair);
        assert_eq!(pair.compare(&[]).code, Some(0), "{column}: {repair}");
    }
}

#[test]
fn zero_dates_nul_characters_and_hex_follow_the_configuration() {
    let source = "
create table t (id int primary key, d date, dm datetime, ts timestamp null, v varchar(10), b blob);\n
insert into t values (1, '0000-00-00', '2020-00-15 10:00:00', '0000-00-00 00:00:00', 'a\\0b', x'00ab');\n";
    let target = |values: &str| {
        format!(
            "create table t (id integer primary key, d date, dm timestamp, ts timestamptz, v text, \
             b bytea); insert into t values (1, {values})"
        )
    };
    let cases = [
        ("nul_character: strip", "null, null, null, 'ab', '\\x00ab'"),
        (
            "zero_date: epoch\nnul_character: replace\nhexify: [blob]",
            "'1970-01-01', '1970-01-01', '1970-01-01 00:00:00+00', 'a\u{fffd}b', '00AB'",
        ),
        (
            "zero_date: minus_infinity\nnul_character: strip\nhexify: [blob]",
            "'-infinity', '-infinity', '-infinity', 'ab', '00ab'",
        ),
    ];
    for (config, values) in cases {
        let mut pair = Pair::new(config);
        pair.source(source);
        pair.target(&target(values));
        pair.expect_equal();
        pair.target(
            "update t set d = '2000-01-01', dm = null, ts = '2000-01-01', v = 'a', b = null",
        );
        assert_eq!(pair.compare(&[]).code, Some(1), "{config}");
        let repair = pair.compare(&["--repair-sql"]).stdout;
        pair.target(&repair);
        pair.expect_equal();
    }
}

#[test]
fn odd_names_are_quoted_on_either_side() {
    let mut pair = Pair::new("");
    let long = "n".repeat(64);
    pair.source(
        &format!(
            "create table `or\"d``er '🦎x` (`se\"le``ct` varchar(20) primary key, `{long}` int);\n\
         insert into `or\"d``er '🦎x` values ('it''s \\\\', 1), ('🦎', 2);\n"
        )
        .replace("🦎x", "é"),
    );
    let cut = chameleon_model::name::target_name(&long);
    pair.target(
        &format!(
            "create table \"or\"\"d`er '🦎x\" (\"se\"\"le`ct\" varchar(20) primary key, \"{cut}\" int);
             insert into \"or\"\"d`er '🦎x\" values ('it''s \\', 1), ('🦎', 3)"
        )
        .replace("🦎x", "é"),
    );
    let run = pair.compare(&["--repair-sql"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    pair.target(&run.stdout);
    pair.expect_equal();
}

#[test]
fn types_that_only_one_kind_of_source_has_are_found_equal() {
    let mut pair = Pair::new("");
    let version = pair.version();
    if version.contains("MariaDB") {
        pair.source(
            "create table t (id int primary key, u uuid, i6 inet6, v text compressed, j json);\n\
             insert into t values (1, 'F47AC10B-58CC-4372-A567-0E02B2C3D479', '2001:DB8::1', 'é', '{\"b\":1,\"a\":1.0}');\n",
        );
        pair.target(
            "create table t (id int primary key, u uuid, i6 inet, v text, j jsonb);
             insert into t values (1, 'f47ac10b-58cc-4372-a567-0e02b2c3d479', '2001:db8::1', 'é', '{\"a\":1,\"b\":1}')",
        );
    } else {
        pair.source(
            "create table t (id int primary key, v vector(2));\n\
             insert into t values (1, to_vector('[1.5,-2]'));\n",
        );
        pair.target(
            "create table t (id int primary key, v real[]);
             insert into t values (1, '{1.5,-2}')",
        );
    }
    pair.expect_equal();
    pair.target("update t set v = null");
    assert_eq!(pair.compare(&[]).code, Some(1));
    let repair = pair.compare(&["--repair-sql"]).stdout;
    pair.target(&repair);
    pair.expect_equal();
}
