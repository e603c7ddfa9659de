create table computed_by_source (id int not null primary key, a int, j varchar(100), d datetime);
create table numbered_by_source (v varchar(10));
insert into computed_by_source values (1, 1, '{"b": 1, "a": [1.0]}', '2024-03-31 02:30:00'), (2, null, null, null);
insert into numbered_by_source values ('x'), ('y'), ('z');
