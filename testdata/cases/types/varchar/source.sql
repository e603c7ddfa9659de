create table ty_varchar (edge varchar(60) character set ascii not null primary key, v varchar(60)) default charset = utf8mb4;
insert into ty_varchar values
    ('empty', ''),
    ('blanks behind', 'x  '),
    ('only blanks', '   '),
    ('quotes', 'it''s "q" \\ `b`'),
    ('control', 'tab\tline\nreturn\r\b\Z'),
    ('copy words', '\\N \\. NULL {} (1,2)'),
    ('umlauts', 'äöüß ÄÖÜ é ñ'),
    ('cyrillic', 'Привет'),
    ('cjk', '日本語 中文 한국어'),
    ('emoji', '🎉👩‍👩‍👧'),
    ('combining', 'á é'),
    ('private use', _utf8mb4 x'ee8080'),
    ('null', null);
create table ty_varchar_0 (edge varchar(60) character set ascii not null primary key, v varchar(0));
insert into ty_varchar_0 values
    ('empty', ''),
    ('null', null);
create table ty_varchar_63 (edge varchar(60) character set ascii not null primary key, v varchar(63)) default charset = utf8mb4;
insert into ty_varchar_63 values
    ('full', repeat('🎉', 63)),
    ('one', 'x');
create table ty_varchar_64 (edge varchar(60) character set ascii not null primary key, v varchar(64)) default charset = utf8mb4;
insert into ty_varchar_64 values
    ('full', repeat('🎉', 64)),
    ('one', 'x');
create table ty_varchar_16000 (edge varchar(60) character set ascii not null primary key, v varchar(16000)) default charset = utf8mb4;
insert into ty_varchar_16000 values
    ('full', repeat('🎉', 16000)),
    ('one', 'x');
