create table invisible_columns (id int not null primary key, a int, hidden int invisible default 7, b int);
insert into invisible_columns (id, a, hidden, b) values (1, 1, 1, 1), (2, 2, null, 2);
insert into invisible_columns values (3, 3, 3);
