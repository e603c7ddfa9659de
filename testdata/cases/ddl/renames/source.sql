create table renames_a (id int not null primary key, e enum('a') not null, unique key u (e, id));
create table renames_b (id int not null primary key, v varchar(20));
create table renames_c (id int not null primary key, v int, key renames_v (v));
insert into renames_a values (1, 'a'), (2, 'a');
insert into renames_b values (1, 'b'), (3, 'b');
insert into renames_c values (1, 1), (4, 4);
