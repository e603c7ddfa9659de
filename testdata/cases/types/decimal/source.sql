create table ty_decimal_65_30 (edge varchar(60) character set ascii not null primary key, v decimal(65,30));
insert into ty_decimal_65_30 values
    ('most', 99999999999999999999999999999999999.999999999999999999999999999999),
    ('least', -99999999999999999999999999999999999.999999999999999999999999999999),
    ('smallest', 0.000000000000000000000000000001),
    ('zero', 0),
    ('null', null);
create table ty_decimal_10_0 (edge varchar(60) character set ascii not null primary key, v decimal(10,0));
insert into ty_decimal_10_0 values
    ('most', 9999999999),
    ('least', -9999999999),
    ('null', null);
create table ty_decimal_30_30 (edge varchar(60) character set ascii not null primary key, v decimal(30,30));
insert into ty_decimal_30_30 values
    ('most', 0.999999999999999999999999999999),
    ('least', -0.999999999999999999999999999999),
    ('null', null);
create table ty_decimal_1_1 (edge varchar(60) character set ascii not null primary key, v decimal(1,1));
insert into ty_decimal_1_1 values
    ('most', 0.9),
    ('least', -0.9);
create table ty_decimal_10_1 (edge varchar(60) character set ascii not null primary key, v decimal(10,1));
insert into ty_decimal_10_1 values
    ('most', 999999999.9),
    ('least', -999999999.9),
    ('one', 1);
create table ty_decimal_11_2 (edge varchar(60) character set ascii not null primary key, v decimal(11,2));
insert into ty_decimal_11_2 values
    ('most', 999999999.99),
    ('least', -999999999.99),
    ('one', 1);
create table ty_decimal_12_3 (edge varchar(60) character set ascii not null primary key, v decimal(12,3));
insert into ty_decimal_12_3 values
    ('most', 999999999.999),
    ('least', -999999999.999),
    ('one', 1);
create table ty_decimal_13_4 (edge varchar(60) character set ascii not null primary key, v decimal(13,4));
insert into ty_decimal_13_4 values
    ('most', 999999999.9999),
    ('least', -999999999.9999),
    ('one', 1);
create table ty_decimal_14_5 (edge varchar(60) character set ascii not null primary key, v decimal(14,5));
insert into ty_decimal_14_5 values
    ('most', 999999999.99999),
    ('least', -999999999.99999),
    ('one', 1);
create table ty_decimal_15_6 (edge varchar(60) character set ascii not null primary key, v decimal(15,6));
insert into ty_decimal_15_6 values
    ('most', 999999999.999999),
    ('least', -999999999.999999),
    ('one', 1);
create table ty_decimal_16_7 (edge varchar(60) character set ascii not null primary key, v decimal(16,7));
insert into ty_decimal_16_7 values
    ('most', 999999999.9999999),
    ('least', -999999999.9999999),
    ('one', 1);
create table ty_decimal_17_8 (edge varchar(60) character set ascii not null primary key, v decimal(17,8));
insert into ty_decimal_17_8 values
    ('most', 999999999.99999999),
    ('least', -999999999.99999999),
    ('one', 1);
create table ty_decimal_18_9 (edge varchar(60) character set ascii not null primary key, v decimal(18,9));
insert into ty_decimal_18_9 values
    ('most', 999999999.999999999),
    ('least', -999999999.999999999),
    ('one', 1);
create table ty_decimal_zerofill (edge varchar(60) character set ascii not null primary key, v decimal(8,3) unsigned zerofill);
insert into ty_decimal_zerofill values
    ('most', 99999.999),
    ('small', 0.001),
    ('zero', 0);
