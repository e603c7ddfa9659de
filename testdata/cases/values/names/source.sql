create table `order` (
    `select` int not null,
    `a "quoted" name` int,
    `it''s` int,
    `Mixed Case` int,
    `dot.ted` int,
    `ünï` enum('ä', 'b'),
    `from` varchar(20) not null default '',
    primary key (`select`, `from`),
    key `index` (`Mixed Case`)
) default charset = utf8mb4;
insert into `order` values (1, 2, 3, 4, 5, 'ä', 'x'), (2, null, null, null, null, null, '');
create table `Mixed.Table "x"` (
    `Id` int not null primary key,
    `user` varchar(10)
);
insert into `Mixed.Table "x"` values (1, 'a');
