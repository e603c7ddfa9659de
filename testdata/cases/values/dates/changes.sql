set sql_mode = 'ALLOW_INVALID_DATES';
insert into dates select id + 100, d, dt, dt6, ts, ts3, y from dates;
update dates set d = '2001-09-09', ts = '2001-09-09 01:46:40', dt6 = '2001-09-09 01:46:40.5' where id in (1, 4);
delete from dates where id = 105;
insert into dates_without_day select id + 100, d, dt, ts from dates_without_day;
update dates_without_day set d = '0000-00-00' where id = 4;
update dates_without_day set d = '2021-01-01', dt = '2021-01-01 00:00:00' where id = 1;
