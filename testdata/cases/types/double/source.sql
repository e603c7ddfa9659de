create table ty_double (edge varchar(60) character set ascii not null primary key, v double);
insert into ty_double values
    ('zero', 0),
    ('minus zero', -0e0),
    ('third', 1e0/3),
    ('most', 1.7976931348623157e308),
    ('least', -1.7976931348623157e308),
    ('smallest normal', 2.2250738585072014e-308),
    ('denormal', 5e-324),
    ('tenth', 0.1),
    ('beyond 53 bits', 9007199254740993),
    ('null', null);
