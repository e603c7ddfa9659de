create table online_change (id int not null primary key, v varchar(20), n int);
create table online_copied (id int not null primary key, v varchar(20));
insert into online_change values (1, 'one', 1), (2, 'two', 2), (3, 'three', 3);
insert into online_copied values (1, 'one'), (2, 'two'), (3, 'three');
