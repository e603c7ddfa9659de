-- engines: mariadb
create table replaced (id int not null primary key, v int);
insert into replaced values (1, 1);
