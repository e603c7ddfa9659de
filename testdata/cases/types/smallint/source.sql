create table ty_smallint (edge varchar(60) character set ascii not null primary key, v smallint);
insert into ty_smallint values
    ('least', -32768),
    ('most', 32767),
    ('minus one', -1),
    ('zero', 0),
    ('null', null);
create table ty_smallint_unsigned (edge varchar(60) character set ascii not null primary key, v smallint unsigned);
insert into ty_smallint_unsigned values
    ('most', 65535),
    ('above signed', 32768),
    ('zero', 0),
    ('null', null);
create table ty_smallint_zerofill (edge varchar(60) character set ascii not null primary key, v smallint unsigned zerofill);
insert into ty_smallint_zerofill values
    ('most', 65535),
    ('seven', 7),
    ('zero', 0),
    ('null', null);
