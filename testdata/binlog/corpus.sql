-- Statements whose events are the corpus of the event decoder's fuzz test; one statement a line.
create database corpus character set utf8mb4
use corpus
set sql_mode = ''
set time_zone = '+00:00'
create table numbers (id int auto_increment primary key, a tinyint, au tinyint unsigned, b smallint, c mediumint, cu mediumint unsigned, d int, e bigint, eu bigint unsigned, f float, g double, h decimal(10, 3), i decimal(65, 30), l bit(1), m bit(13), n bit(64), o year)
insert into numbers values (null, -128, 0, -32768, -8388608, 0, -2147483648, -9223372036854775808, 0, -3.4e38, -1.7e308, -9999999.999, -99999999999999999999999999999999999.999, b'0', b'0', b'0', 0)
insert into numbers values (null, 127, 255, 32767, 8388607, 16777215, 2147483647, 9223372036854775807, 18446744073709551615, 3.4e38, 1.7e308, 9999999.999, 99999999999999999999999999999999999.999, b'1', b'1111111111111', b'1111111111111111111111111111111111111111111111111111111111111111', 2155)
insert into numbers (a) values (1), (2), (3), (null), (5), (6), (7), (8)
update numbers set d = a, h = a + 0.5 where a > 1
delete from numbers where a in (2, 3)
create table times (id int primary key, a date, b time, b2 time(2), b6 time(6), c datetime, c3 datetime(3), c6 datetime(6), d timestamp null, d6 timestamp(6) null)
insert into times values (1, '0000-00-00', '-838:59:59', '-00:00:00.99', '-838:59:58.999999', '0000-00-00', '2020-00-15 01:02:03.5', '9999-12-31 23:59:59.999999', 0, '2038-01-19 03:14:07.999999')
insert into times values (2, '1000-01-01', '838:59:59', '12:34:56.78', '00:00:00.000001', '1970-01-01', '1969-12-31 23:59:59.999', '0001-01-01 00:00:00', '1970-01-01 00:00:01', '2001-09-09 01:46:40.5'), (3, null, null, null, null, null, null, null, null, null)
create table texts (id int primary key, a char(5), b varchar(300), c tinytext, d text, e longtext, f binary(6), g varbinary(300), h blob, i enum('a', 'it''s'), j set('x', 'y', 'z'), k char(255), l varchar(20) character set latin1, m varchar(20) character set utf16, n text character set sjis, o varchar(20) character set gbk)
insert into texts values (1, 'a  ', 'a', '', 'text', repeat('long', 20), x'0100', x'00', '', 'it''s', 'x,z', repeat('k', 255), 'äÖ€', 'ä🦎', 'あ〜', '你好')
insert into texts values (2, '', '', '', '', '', '', '', '', 0, '', '', '', '', '', ''), (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)
update texts set b = concat(b, 'ä'), i = 'a', n = 'かな'
create table documents (id int primary key, a json, g geometry)
insert into documents values (1, '{"b": 1, "aa": [1.0, null, true, "ä\\n"], "a": {}}', st_geomfromtext('point(1 2)')), (2, '[18446744073709551615, -1, 1e100, 0.1, 123456789012345678]', null), (3, '"text"', st_geomfromtext('polygon((0 0, 1 0, 1 1, 0 0))'))
-- mysql insert into documents values (4, json_array(cast('2020-01-02' as date), cast('-10:11:12.5' as time(1)), cast('2020-01-02 3:4:5.678' as datetime(3)), cast(-0.50 as decimal(10, 3)), x'00ff', 1e15), null)
-- mysql set binlog_row_value_options = partial_json
-- mysql update documents set a = json_set(a, '$.b', 2, '$.new', json_array(1, 'x')) where id = 1
-- mysql update documents set a = json_remove(a, '$[0]') where id in (2, 4)
-- mysql set binlog_row_value_options = ''
-- mysql create table vectors (id int primary key, v vector(3))
-- mysql insert into vectors values (1, string_to_vector('[1, -2.5, 0]'))
-- mysql set binlog_transaction_compression = on
-- mysql insert into numbers (a) values (11), (12), (13)
-- mysql set binlog_transaction_compression = off
-- mariadb create table compressed (id int primary key, a varchar(1000) compressed, b blob compressed, c inet6)
-- mariadb insert into compressed values (1, repeat('ä', 200), repeat(x'00', 3000), '::1.2.3.4'), (2, '', '', '1::'), (3, 'a', null, null)
-- mariadb create table versioned (id int primary key, a int) with system versioning
-- mariadb insert into versioned values (1, 1), (2, 2)
-- mariadb update versioned set a = 3
-- mariadb delete from versioned
-- mariadb set global log_bin_compress = on, global log_bin_compress_min_len = 10
-- mariadb insert into texts (id, b, e) values (10, repeat('compressed', 20), repeat('longer', 100))
-- mariadb update texts set d = repeat('x', 300) where id = 10
-- mariadb create table comment_that_is_long (id int primary key) comment 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
-- mariadb set global log_bin_compress = off, global log_bin_compress_min_len = 256
-- mariadb create sequence numbers_of
-- mariadb do nextval(numbers_of)
set binlog_row_image = minimal
insert into numbers (a) values (21)
update numbers set b = 5 where a = 21
delete from numbers where a = 21
set binlog_row_image = noblob
update texts set b = 'noblob' where id = 1
set binlog_row_image = full
create table mine (id int primary key) engine = myisam
insert into mine values (1), (2)
begin
insert into numbers (a) values (31)
savepoint one
insert into numbers (a) values (32)
rollback to savepoint one
insert into numbers (a) values (33)
commit
create table copied as select id, a from numbers
alter table numbers add z varchar(10) default 'z' after id, drop b
insert into numbers (a, z) values (41, 'ä')
rename table numbers to numbers_now
truncate mine
set binlog_format = statement
insert into copied values (99, 9)
set binlog_format = row
xa start 'corpus'
insert into mine values (7)
insert into numbers_now (a) values (51)
xa end 'corpus'
xa prepare 'corpus'
xa commit 'corpus'
drop table mine, copied
drop database corpus
