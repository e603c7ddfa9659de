create table ty_mediumint (edge varchar(60) character set ascii not null primary key, v mediumint);
insert into ty_mediumint values
    ('least', -8388608),
    ('most', 8388607),
    ('minus one', -1),
    ('zero', 0),
    ('null', null);
create table ty_mediumint_unsigned (edge varchar(60) character set ascii not null primary key, v mediumint unsigned);
insert into ty_mediumint_unsigned values
    ('most', 16777215),
    ('above signed', 8388608),
    ('zero', 0),
    ('null', null);
create table ty_mediumint_zerofill (edge varchar(60) character set ascii not null primary key, v mediumint unsigned zerofill);
insert into ty_mediumint_zerofill values
    ('most', 16777215),
    ('seven', 7),
    ('zero', 0),
    ('null', null);
