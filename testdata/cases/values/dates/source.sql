-- Dates that no calendar has are replicated as NULL unless the configuration says otherwise.
set sql_mode = 'ALLOW_INVALID_DATES';
create table dates (
    id int not null primary key,
    d date,
    dt datetime,
    dt6 datetime(6),
    ts timestamp null,
    ts3 timestamp(3) null,
    y year
);
insert into dates values
    (1, '1000-01-01', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000001', '1970-01-01 00:00:01', '1970-01-01 00:00:01.001', 1901),
    (2, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.999', 2155),
    (3, '2024-02-29', '2024-02-29 12:00:00', '2024-02-29 12:00:00.120000', '2024-03-31 01:30:00', '2024-10-27 02:30:00.5', 0),
    (4, null, null, null, null, null, null),
    (5, '1582-10-10', '1582-10-10 01:02:03', '0001-01-01 00:00:00', '2000-01-01 00:00:00', '2000-01-01 00:00:00', 1970);
create table dates_without_day (
    id int not null primary key,
    d date not null,
    dt datetime(3) not null,
    ts timestamp null
);
insert into dates_without_day values
    (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
    (2, '2020-00-15', '2020-00-15 01:02:03', null),
    (3, '2020-05-00', '2020-05-00 01:02:03', '2020-05-01 00:00:00'),
    (4, '2020-05-15', '2020-05-15 01:02:03.004', '2020-05-01 00:00:00');
