-- Text with U+0000, and dates that no calendar has. The folders beside this file say by which policies they are
-- replicated, and what they are at the target.
set sql_mode = 'ALLOW_INVALID_DATES';
create table po_varchar (edge varchar(60) character set ascii not null primary key, v varchar(20));
insert into po_varchar values ('none', 'ab'), ('middle', 'a\0b'), ('ends', '\0a\0'), ('only', '\0'), ('two', '\0\0'), ('full', 'aaaaaaaaaaaaaaaaaaa\0'), ('null', null);
create table po_char (edge varchar(60) character set ascii not null primary key, v char(10));
insert into po_char values ('none', 'ab'), ('middle', 'a\0b'), ('only', '\0');
create table po_text (edge varchar(60) character set ascii not null primary key, v mediumtext);
insert into po_text values ('none', 'ab'), ('middle', 'ü\0日'), ('only', '\0');
create table po_latin1 (edge varchar(60) character set ascii not null primary key, v varchar(20) character set latin1);
insert into po_latin1 values ('middle', '€\0ÿ'), ('only', '\0');
create table po_ucs2 (edge varchar(60) character set ascii not null primary key, v varchar(20) character set ucs2);
insert into po_ucs2 values ('middle', 'a\0日'), ('only', '\0');
create table po_utf32 (edge varchar(60) character set ascii not null primary key, v text character set utf32);
insert into po_utf32 values ('middle', 'a\0🎉'), ('only', '\0');
create table po_date (edge varchar(60) character set ascii not null primary key, v date not null);
insert into po_date values ('zero', '0000-00-00'), ('no month', '2020-00-15'), ('no day', '2020-05-00'), ('no such day', '2021-02-30'), ('a day', '2021-02-28');
create table po_datetime (edge varchar(60) character set ascii not null primary key, v datetime(3) not null);
insert into po_datetime values ('zero', '0000-00-00 00:00:00'), ('no month', '2020-00-15 01:02:03.004'), ('no such day', '2021-04-31 01:02:03'), ('a moment', '2021-02-28 23:59:59.999');
create table po_timestamp (edge varchar(60) character set ascii not null primary key, v timestamp not null default '2021-01-01 00:00:00');
insert into po_timestamp values ('zero', '0000-00-00 00:00:00'), ('a moment', '2021-02-28 23:59:59');
