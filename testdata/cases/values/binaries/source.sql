create table binaries (
    id int not null primary key,
    b binary(8),
    v varbinary(300),
    tb tinyblob,
    bl blob,
    mb mediumblob,
    lb longblob
);
insert into binaries values
    (1, '', '', '', '', '', ''),
    (2, x'00', x'00', x'00', x'00', x'00', x'00'),
    (3, x'0102000000000000', x'ff00ff00', x'5c', x'275c22', x'0a0d09', x'deadbeef'),
    (4, null, null, null, null, null, null),
    (5, 'text', 'text', '\\x41', '\\N', 'é', '🎉'),
    (6, x'ffffffffffffffff', repeat(x'00', 300), repeat(x'ff', 255), repeat(x'0001', 30000), repeat(x'abcd', 100000), repeat(x'00', 300000));
create table binaries_key (
    k binary(4) not null primary key,
    v int
);
insert into binaries_key values (x'00000000', 1), (x'00000001', 2), (x'ff000000', 3), (x'5c275c22', 4);
