create table ty_json (edge varchar(60) character set ascii not null primary key, v json) default charset = utf8mb4;
insert into ty_json values
    ('object', '{"b": 1, "a": [true, false, null], "ü": "🎉"}'),
    ('empty object', '{}'),
    ('empty array', '[]'),
    ('json null', 'null'),
    ('string', '"text"'),
    ('escapes', '"q\\"b\\\\s\\/n\\nu\\u00e9"'),
    ('integer', '1'),
    ('decimal point', '1.0'),
    ('negative', '-0.5'),
    ('unsigned 64', '18446744073709551615'),
    ('signed 64', '-9223372036854775808'),
    ('deep', '[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]'),
    ('empty key', '{"": 1}'),
    ('large', concat('["', repeat('long ', 20000), '"]')),
    ('wide', concat('[', repeat('1,', 40000), '1]')),
    ('null', null);
