-- engines: mariadb
-- MariaDB keeps the text of a document, blanks and all.
create table json_mariadb (
    id int not null primary key,
    j json
);
insert into json_mariadb values
    (1, '{}'), (2, '[ ]'), (3, 'null'), (4, null), (5, 'true'), (6, '"text"'), (7, '1'), (8, '1.0'), (9, '1e2'),
    (10, '18446744073709551615'), (11, '{"b":1,   "a":2, "a":3}'),
    (12, '{"a": {"b": [1, 2, {"c": null}]}, "ünï": "🎉", "quote\\"": "back\\\\slash", "": 1}'),
    (13, concat('["', repeat('long ', 20000), '"]'));
