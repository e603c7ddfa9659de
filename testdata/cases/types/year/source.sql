create table ty_year (edge varchar(60) character set ascii not null primary key, v year);
insert into ty_year values
    ('zero', 0),
    ('first', 1901),
    ('last', 2155),
    ('leap', 2024),
    ('null', null);
