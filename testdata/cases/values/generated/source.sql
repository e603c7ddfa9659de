create table generated_columns (
    id int not null primary key,
    a int,
    b int,
    total int generated always as (a + b) stored,
    shown varchar(40) generated always as (concat(a, '/', b)) virtual
);
insert into generated_columns (id, a, b) values (1, 1, 2), (2, null, 2), (3, -5, 5);
