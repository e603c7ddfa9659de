create table ty_binary (edge varchar(60) character set ascii not null primary key, v binary(16));
insert into ty_binary values
    ('empty', x''),
    ('zero', x'00'),
    ('zeros behind', x'0102000000'),
    ('zeros before', x'00000102'),
    ('all ones', x'ffffffffffffffff'),
    ('copy words', x'5c4e0a5c2e0d09275c22'),
    ('like hex text', '\\x41'),
    ('null', null);
create table ty_binary_0 (edge varchar(60) character set ascii not null primary key, v binary(0));
insert into ty_binary_0 values
    ('empty', x''),
    ('null', null);
create table ty_binary_255 (edge varchar(60) character set ascii not null primary key, v binary(255));
insert into ty_binary_255 values
    ('full', repeat(x'ff', 255)),
    ('one', x'01');
