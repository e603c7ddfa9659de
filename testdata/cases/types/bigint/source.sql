create table ty_bigint (edge varchar(60) character set ascii not null primary key, v bigint);
insert into ty_bigint values
    ('least', -9223372036854775808),
    ('most', 9223372036854775807),
    ('minus one', -1),
    ('zero', 0),
    ('null', null);
create table ty_bigint_unsigned (edge varchar(60) character set ascii not null primary key, v bigint unsigned);
insert into ty_bigint_unsigned values
    ('most', 18446744073709551615),
    ('above signed', 9223372036854775808),
    ('zero', 0),
    ('null', null);
create table ty_bigint_zerofill (edge varchar(60) character set ascii not null primary key, v bigint unsigned zerofill);
insert into ty_bigint_zerofill values
    ('most', 18446744073709551615),
    ('seven', 7),
    ('zero', 0),
    ('null', null);
