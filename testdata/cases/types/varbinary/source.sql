create table ty_varbinary (edge varchar(60) character set ascii not null primary key, v varbinary(300));
insert into ty_varbinary values
    ('empty', x''),
    ('zero', x'00'),
    ('zeros behind', x'0102000000'),
    ('zeros before', x'00000102'),
    ('all ones', x'ffffffffffffffff'),
    ('copy words', x'5c4e0a5c2e0d09275c22'),
    ('like hex text', '\\x41'),
    ('null', null),
    ('full', repeat(x'00', 300));
