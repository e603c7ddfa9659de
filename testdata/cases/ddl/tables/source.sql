create table tables_dropped (id int not null primary key, v int);
create table tables_truncated (id int not null primary key, v int);
create table tables_renamed (id int not null primary key, v int);
insert into tables_dropped values (1, 1), (2, 2);
insert into tables_truncated values (1, 1), (2, 2);
insert into tables_renamed values (1, 1), (2, 2);
