create table keys_dropped (id int not null primary key, v int);
create table keys_added (id int not null, v int);
create table keys_replaced (id int not null primary key, code varchar(20) not null, v int);
create table keys_named (id int not null primary key, a int, b int, unique key first_name (a));
insert into keys_dropped values (1, 1), (2, 2);
insert into keys_added values (1, 1), (2, 2);
insert into keys_replaced values (1, 'a', 1), (2, 'b', 2);
insert into keys_named values (1, 1, 1), (2, 2, 2);
