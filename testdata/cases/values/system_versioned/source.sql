-- engines: mariadb
create table versioned_hidden (id int not null primary key, v varchar(20), u int, unique key u (u)) with system versioning;
create table versioned_shown (
    id int not null primary key, v varchar(20),
    s timestamp(6) generated always as row start, e timestamp(6) generated always as row end invisible, period for system_time (s, e)
) with system versioning;
create table versioned_later (id int not null primary key, v varchar(20));
insert into versioned_hidden values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);
update versioned_hidden set v = 'changed' where id = 1;
delete from versioned_hidden where id = 3;
insert into versioned_shown (id, v) values (1, 'a'), (2, 'b');
insert into versioned_later values (1, 'a'), (2, 'b');
