create table columns_changed (
    id int not null primary key,
    a int,
    b varchar(20),
    c int,
    keep int
);
insert into columns_changed values (1, 1, 'one', 10, 100), (2, 2, 'two', 20, 200), (3, null, null, null, null);
