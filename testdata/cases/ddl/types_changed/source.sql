create table types_changed (
    id int not null primary key,
    i tinyint, u int unsigned, d decimal(6, 2), f float, v varchar(20), c char(5), b varbinary(10), t time(3), dt datetime(6),
    da date, bi bit(5), y year, n int, s set('a', 'b'), tx text
) default charset = utf8mb4;
insert into types_changed values
    (1, -128, 4294967295, -9999.99, 0.1, '12', 'x', x'0100', '-12:00:00.555', '2024-02-29 12:34:56.789012', '2024-02-29', b'10101', 2155, 5, 'a,b', 'ü'),
    (2, 127, 0, 0.01, 3.4e38, '-7', 'ünï', x'', '838:59:59', '1970-01-01 00:00:00', '1000-01-01', b'0', 1901, -5, '', ''),
    (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
