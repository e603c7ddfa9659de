create table ty_tinyint (edge varchar(60) character set ascii not null primary key, v tinyint);
insert into ty_tinyint values
    ('least', -128),
    ('most', 127),
    ('minus one', -1),
    ('zero', 0),
    ('null', null);
create table ty_tinyint_unsigned (edge varchar(60) character set ascii not null primary key, v tinyint unsigned);
insert into ty_tinyint_unsigned values
    ('most', 255),
    ('above signed', 128),
    ('zero', 0),
    ('null', null);
create table ty_tinyint_zerofill (edge varchar(60) character set ascii not null primary key, v tinyint unsigned zerofill);
insert into ty_tinyint_zerofill values
    ('most', 255),
    ('seven', 7),
    ('zero', 0),
    ('null', null);
create table ty_bool (edge varchar(60) character set ascii not null primary key, v tinyint(1));
insert into ty_bool values
    ('true', 1),
    ('false', 0),
    ('two', 2),
    ('minus one', -1),
    ('most', 127),
    ('null', null);
