-- engines: mysql
create table json_mysql (
    id int not null primary key,
    j json
);
insert into json_mysql values
    (1, '{}'), (2, '[]'), (3, 'null'), (4, null), (5, 'true'), (6, '"text"'), (7, '1'), (8, '1.0'), (9, '-0.5'),
    (10, '18446744073709551615'), (11, '-9223372036854775808'),
    (12, '{"a": {"b": [1, 2, {"c": null}]}, "ünï": "🎉", "quote\\"": "back\\\\slash", "": 1}'),
    (13, '[1, 1.5, "x", true, false, null, [], {}]'),
    (14, json_object('date', cast('2020-01-02' as date), 'time', cast('12:13:14.5' as time(6)), 'moment', cast('2020-01-02 03:04:05' as datetime), 'decimal', cast(12.50 as decimal(10, 2)))),
    (15, concat('["', repeat('long ', 20000), '"]'));
