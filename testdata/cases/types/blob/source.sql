create table ty_tinyblob (edge varchar(60) character set ascii not null primary key, v tinyblob);
insert into ty_tinyblob values
    ('empty', x''),
    ('zero', x'00'),
    ('zeros behind', x'0102000000'),
    ('zeros before', x'00000102'),
    ('all ones', x'ffffffffffffffff'),
    ('copy words', x'5c4e0a5c2e0d09275c22'),
    ('like hex text', '\\x41'),
    ('null', null);
create table ty_blob (edge varchar(60) character set ascii not null primary key, v blob);
insert into ty_blob values
    ('empty', x''),
    ('zero', x'00'),
    ('zeros behind', x'0102000000'),
    ('zeros before', x'00000102'),
    ('all ones', x'ffffffffffffffff'),
    ('copy words', x'5c4e0a5c2e0d09275c22'),
    ('like hex text', '\\x41'),
    ('null', null);
create table ty_mediumblob (edge varchar(60) character set ascii not null primary key, v mediumblob);
insert into ty_mediumblob values
    ('empty', x''),
    ('zero', x'00'),
    ('zeros behind', x'0102000000'),
    ('zeros before', x'00000102'),
    ('all ones', x'ffffffffffffffff'),
    ('copy words', x'5c4e0a5c2e0d09275c22'),
    ('like hex text', '\\x41'),
    ('null', null);
create table ty_longblob (edge varchar(60) character set ascii not null primary key, v longblob);
insert into ty_longblob values
    ('empty', x''),
    ('zero', x'00'),
    ('zeros behind', x'0102000000'),
    ('zeros before', x'00000102'),
    ('all ones', x'ffffffffffffffff'),
    ('copy words', x'5c4e0a5c2e0d09275c22'),
    ('like hex text', '\\x41'),
    ('null', null);
create table ty_blob_large (edge varchar(60) character set ascii not null primary key, v longblob);
insert into ty_blob_large values
    ('a megabyte', repeat(x'00ff0d0a', 262144));
