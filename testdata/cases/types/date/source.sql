set sql_mode = 'ALLOW_INVALID_DATES';
create table ty_date (edge varchar(60) character set ascii not null primary key, v date);
insert into ty_date values
    ('first', '1000-01-01'),
    ('last', '9999-12-31'),
    ('year one', '0001-01-01'),
    ('leap day', '2024-02-29'),
    ('before the calendar', '1582-10-10'),
    ('epoch', '1970-01-01'),
    ('null', null);
create table ty_date_zero (edge varchar(60) character set ascii not null primary key, v date);
insert into ty_date_zero values
    ('zero', '0000-00-00'),
    ('no day', '2020-05-00'),
    ('no month', '2020-00-15');
