-- The smallest and the largest value of every integer type.
create table integers (
    id int not null primary key,
    t tinyint, tu tinyint unsigned, t1 tinyint(1),
    s smallint, su smallint unsigned,
    m mediumint, mu mediumint unsigned,
    i int, iu int unsigned,
    b bigint, bu bigint unsigned
);
insert into integers values
    (1, -128, 0, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0),
    (2, 127, 255, 2, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615),
    (3, -1, 128, -1, -1, 32768, -1, 8388608, -1, 2147483648, -1, 9223372036854775808),
    (4, null, null, null, null, null, null, null, null, null, null, null);
create table integers_unsigned_key (
    id bigint unsigned not null primary key,
    v int
);
insert into integers_unsigned_key values (0, 0), (9223372036854775807, 1), (9223372036854775808, 2), (18446744073709551615, 3);
create table integers_identity (
    id bigint unsigned not null auto_increment primary key,
    v int
);
insert into integers_identity (v) values (1), (2), (3);
