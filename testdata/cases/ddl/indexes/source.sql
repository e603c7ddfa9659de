create table indexes_changed (
    id int not null primary key,
    a int,
    b varchar(40),
    key a (a)
);
insert into indexes_changed values (1, 1, 'x'), (2, 2, 'y');
