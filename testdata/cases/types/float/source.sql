create table ty_float (edge varchar(60) character set ascii not null primary key, v float);
insert into ty_float values
    ('zero', 0),
    ('minus zero', -0e0),
    ('third', 1e0/3),
    ('most', 3.4028234e38),
    ('least', -3.4028234e38),
    ('smallest normal', 1.17549435e-38),
    ('denormal', 1e-40),
    ('tenth', 0.1),
    ('beyond 24 bits', 16777217),
    ('null', null);
create table ty_float_unsigned (edge varchar(60) character set ascii not null primary key, v float unsigned);
insert into ty_float_unsigned values
    ('most', 3.4028234e38),
    ('zero', 0);
