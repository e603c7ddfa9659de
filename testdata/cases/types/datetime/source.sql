set sql_mode = 'ALLOW_INVALID_DATES';
create table ty_datetime_0 (edge varchar(60) character set ascii not null primary key, v datetime(0));
insert into ty_datetime_0 values
    ('first', '1000-01-01 00:00:00'),
    ('last', '9999-12-31 23:59:59'),
    ('fraction', '2024-03-31 02:30:00'),
    ('epoch', '1970-01-01 00:00:00'),
    ('year one', '0001-01-01 00:00:00'),
    ('null', null);
create table ty_datetime_1 (edge varchar(60) character set ascii not null primary key, v datetime(1));
insert into ty_datetime_1 values
    ('first', '1000-01-01 00:00:00'),
    ('last', '9999-12-31 23:59:59.9'),
    ('fraction', '2024-03-31 02:30:00.1'),
    ('epoch', '1970-01-01 00:00:00'),
    ('year one', '0001-01-01 00:00:00.0'),
    ('null', null);
create table ty_datetime_2 (edge varchar(60) character set ascii not null primary key, v datetime(2));
insert into ty_datetime_2 values
    ('first', '1000-01-01 00:00:00'),
    ('last', '9999-12-31 23:59:59.99'),
    ('fraction', '2024-03-31 02:30:00.12'),
    ('epoch', '1970-01-01 00:00:00'),
    ('year one', '0001-01-01 00:00:00.00'),
    ('null', null);
create table ty_datetime_3 (edge varchar(60) character set ascii not null primary key, v datetime(3));
insert into ty_datetime_3 values
    ('first', '1000-01-01 00:00:00'),
    ('last', '9999-12-31 23:59:59.999'),
    ('fraction', '2024-03-31 02:30:00.123'),
    ('epoch', '1970-01-01 00:00:00'),
    ('year one', '0001-01-01 00:00:00.000'),
    ('null', null);
create table ty_datetime_4 (edge varchar(60) character set ascii not null primary key, v datetime(4));
insert into ty_datetime_4 values
    ('first', '1000-01-01 00:00:00'),
    ('last', '9999-12-31 23:59:59.9999'),
    ('fraction', '2024-03-31 02:30:00.1234'),
    ('epoch', '1970-01-01 00:00:00'),
    ('year one', '0001-01-01 00:00:00.0000'),
    ('null', null);
create table ty_datetime_5 (edge varchar(60) character set ascii not null primary key, v datetime(5));
insert into ty_datetime_5 values
    ('first', '1000-01-01 00:00:00'),
    ('last', '9999-12-31 23:59:59.99999'),
    ('fraction', '2024-03-31 02:30:00.12345'),
    ('epoch', '1970-01-01 00:00:00'),
    ('year one', '0001-01-01 00:00:00.00000'),
    ('null', null);
create table ty_datetime_6 (edge varchar(60) character set ascii not null primary key, v datetime(6));
insert into ty_datetime_6 values
    ('first', '1000-01-01 00:00:00'),
    ('last', '9999-12-31 23:59:59.999999'),
    ('fraction', '2024-03-31 02:30:00.123456'),
    ('epoch', '1970-01-01 00:00:00'),
    ('year one', '0001-01-01 00:00:00.000001'),
    ('null', null);
create table ty_datetime_zero (edge varchar(60) character set ascii not null primary key, v datetime(3));
insert into ty_datetime_zero values
    ('zero', '0000-00-00 00:00:00'),
    ('no day', '2020-05-00 01:02:03'),
    ('no month', '2020-00-15 01:02:03.5');
