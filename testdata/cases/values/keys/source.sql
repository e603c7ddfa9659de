-- Tables by what identifies a row.
create table keys_none (
    a int,
    b varchar(20)
);
insert into keys_none values (1, 'x'), (1, 'x'), (2, null), (null, null), (3, 'y');
create table keys_unique (
    a int not null,
    b varchar(20) not null,
    c int,
    unique key ab (a, b)
);
insert into keys_unique values (1, 'x', 1), (1, 'y', 2), (2, 'x', null);
create table keys_swapped (
    id int not null primary key,
    u int,
    w varchar(10) not null,
    unique key u (u),
    unique key w (w)
);
insert into keys_swapped values (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c'), (4, null, 'd'), (5, null, 'e');
create table keys_wide (
    a int not null,
    b date not null,
    c varchar(30) not null,
    d decimal(6, 2) not null,
    v int,
    primary key (c, a, d, b)
);
insert into keys_wide values (1, '2020-01-01', 'x', 1.50, 1), (1, '2020-01-01', 'x', 1.51, 2), (1, '2020-01-02', 'x', 1.50, 3);
