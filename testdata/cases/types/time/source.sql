create table ty_time_0 (edge varchar(60) character set ascii not null primary key, v time(0));
insert into ty_time_0 values
    ('longest', '838:59:59'),
    ('least', '-838:59:59'),
    ('midnight', '00:00:00'),
    ('a day', '24:00:00'),
    ('fraction', '12:13:14'),
    ('negative fraction', '-00:00:01'),
    ('negative small', '-00:00:00'),
    ('null', null);
create table ty_time_1 (edge varchar(60) character set ascii not null primary key, v time(1));
insert into ty_time_1 values
    ('longest', '838:59:59'),
    ('least', '-838:59:59'),
    ('midnight', '00:00:00'),
    ('a day', '24:00:00'),
    ('fraction', '12:13:14.1'),
    ('negative fraction', '-00:00:01.9'),
    ('negative small', '-00:00:00.0'),
    ('null', null);
create table ty_time_2 (edge varchar(60) character set ascii not null primary key, v time(2));
insert into ty_time_2 values
    ('longest', '838:59:59'),
    ('least', '-838:59:59'),
    ('midnight', '00:00:00'),
    ('a day', '24:00:00'),
    ('fraction', '12:13:14.12'),
    ('negative fraction', '-00:00:01.99'),
    ('negative small', '-00:00:00.00'),
    ('null', null);
create table ty_time_3 (edge varchar(60) character set ascii not null primary key, v time(3));
insert into ty_time_3 values
    ('longest', '838:59:59'),
    ('least', '-838:59:59'),
    ('midnight', '00:00:00'),
    ('a day', '24:00:00'),
    ('fraction', '12:13:14.123'),
    ('negative fraction', '-00:00:01.999'),
    ('negative small', '-00:00:00.000'),
    ('null', null);
create table ty_time_4 (edge varchar(60) character set ascii not null primary key, v time(4));
insert into ty_time_4 values
    ('longest', '838:59:59'),
    ('least', '-838:59:59'),
    ('midnight', '00:00:00'),
    ('a day', '24:00:00'),
    ('fraction', '12:13:14.1234'),
    ('negative fraction', '-00:00:01.9999'),
    ('negative small', '-00:00:00.0000'),
    ('null', null);
create table ty_time_5 (edge varchar(60) character set ascii not null primary key, v time(5));
insert into ty_time_5 values
    ('longest', '838:59:59'),
    ('least', '-838:59:59'),
    ('midnight', '00:00:00'),
    ('a day', '24:00:00'),
    ('fraction', '12:13:14.12345'),
    ('negative fraction', '-00:00:01.99999'),
    ('negative small', '-00:00:00.00000'),
    ('null', null);
create table ty_time_6 (edge varchar(60) character set ascii not null primary key, v time(6));
insert into ty_time_6 values
    ('longest', '838:59:59'),
    ('least', '-838:59:59'),
    ('midnight', '00:00:00'),
    ('a day', '24:00:00'),
    ('fraction', '12:13:14.123456'),
    ('negative fraction', '-00:00:01.999999'),
    ('negative small', '-00:00:00.000001'),
    ('null', null);
