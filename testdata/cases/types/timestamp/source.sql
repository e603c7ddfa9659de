set sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';
create table ty_timestamp_0 (edge varchar(60) character set ascii not null primary key, v timestamp(0) null);
insert into ty_timestamp_0 values
    ('first', '1970-01-01 00:00:01'),
    ('last of 2038', '2038-01-19 03:14:07'),
    ('fraction', '2024-10-27 00:30:00'),
    ('spring', '2024-03-31 02:30:00'),
    ('zero', '0000-00-00 00:00:00'),
    ('null', null);
create table ty_timestamp_1 (edge varchar(60) character set ascii not null primary key, v timestamp(1) null);
insert into ty_timestamp_1 values
    ('first', '1970-01-01 00:00:01'),
    ('last of 2038', '2038-01-19 03:14:07.4'),
    ('fraction', '2024-10-27 00:30:00.1'),
    ('spring', '2024-03-31 02:30:00'),
    ('zero', '0000-00-00 00:00:00'),
    ('null', null);
create table ty_timestamp_2 (edge varchar(60) character set ascii not null primary key, v timestamp(2) null);
insert into ty_timestamp_2 values
    ('first', '1970-01-01 00:00:01'),
    ('last of 2038', '2038-01-19 03:14:07.49'),
    ('fraction', '2024-10-27 00:30:00.12'),
    ('spring', '2024-03-31 02:30:00'),
    ('zero', '0000-00-00 00:00:00'),
    ('null', null);
create table ty_timestamp_3 (edge varchar(60) character set ascii not null primary key, v timestamp(3) null);
insert into ty_timestamp_3 values
    ('first', '1970-01-01 00:00:01'),
    ('last of 2038', '2038-01-19 03:14:07.499'),
    ('fraction', '2024-10-27 00:30:00.123'),
    ('spring', '2024-03-31 02:30:00'),
    ('zero', '0000-00-00 00:00:00'),
    ('null', null);
create table ty_timestamp_4 (edge varchar(60) character set ascii not null primary key, v timestamp(4) null);
insert into ty_timestamp_4 values
    ('first', '1970-01-01 00:00:01'),
    ('last of 2038', '2038-01-19 03:14:07.4999'),
    ('fraction', '2024-10-27 00:30:00.1234'),
    ('spring', '2024-03-31 02:30:00'),
    ('zero', '0000-00-00 00:00:00'),
    ('null', null);
create table ty_timestamp_5 (edge varchar(60) character set ascii not null primary key, v timestamp(5) null);
insert into ty_timestamp_5 values
    ('first', '1970-01-01 00:00:01'),
    ('last of 2038', '2038-01-19 03:14:07.49999'),
    ('fraction', '2024-10-27 00:30:00.12345'),
    ('spring', '2024-03-31 02:30:00'),
    ('zero', '0000-00-00 00:00:00'),
    ('null', null);
create table ty_timestamp_6 (edge varchar(60) character set ascii not null primary key, v timestamp(6) null);
insert into ty_timestamp_6 values
    ('first', '1970-01-01 00:00:01'),
    ('last of 2038', '2038-01-19 03:14:07.499999'),
    ('fraction', '2024-10-27 00:30:00.123456'),
    ('spring', '2024-03-31 02:30:00'),
    ('zero', '0000-00-00 00:00:00'),
    ('null', null);
