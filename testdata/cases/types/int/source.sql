create table ty_int (edge varchar(60) character set ascii not null primary key, v int);
insert into ty_int values
    ('least', -2147483648),
    ('most', 2147483647),
    ('minus one', -1),
    ('zero', 0),
    ('null', null);
create table ty_int_unsigned (edge varchar(60) character set ascii not null primary key, v int unsigned);
insert into ty_int_unsigned values
    ('most', 4294967295),
    ('above signed', 2147483648),
    ('zero', 0),
    ('null', null);
create table ty_int_zerofill (edge varchar(60) character set ascii not null primary key, v int unsigned zerofill);
insert into ty_int_zerofill values
    ('most', 4294967295),
    ('seven', 7),
    ('zero', 0),
    ('null', null);
