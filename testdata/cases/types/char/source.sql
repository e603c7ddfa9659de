create table ty_char (edge varchar(60) character set ascii not null primary key, v char(60)) default charset = utf8mb4;
insert into ty_char values
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
create table ty_char_0 (edge varchar(60) character set ascii not null primary key, v char(0));
insert into ty_char_0 values
    ('empty', ''),
    ('null', null);
create table ty_char_255 (edge varchar(60) character set ascii not null primary key, v char(255)) default charset = utf8mb4;
insert into ty_char_255 values
    ('full', repeat('ü', 255)),
    ('one', 'x');
