create table ty_tinytext (edge varchar(60) character set ascii not null primary key, v tinytext) default charset = utf8mb4;
insert into ty_tinytext values
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
    ('null', null),
    ('full', repeat('t', 255));
create table ty_text (edge varchar(60) character set ascii not null primary key, v text) default charset = utf8mb4;
insert into ty_text values
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
    ('null', null),
    ('full', repeat('0', 65535));
create table ty_mediumtext (edge varchar(60) character set ascii not null primary key, v mediumtext) default charset = utf8mb4;
insert into ty_mediumtext values
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
    ('null', null),
    ('above 64 kB', repeat('ü', 70000));
create table ty_longtext (edge varchar(60) character set ascii not null primary key, v longtext) default charset = utf8mb4;
insert into ty_longtext values
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
    ('null', null),
    ('a megabyte', repeat('0123456789abcdef', 65536));
