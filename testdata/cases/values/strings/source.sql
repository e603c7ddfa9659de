create table strings (
    id int not null primary key,
    c char(20),
    v varchar(200),
    tt tinytext,
    t text,
    m mediumtext,
    l longtext
) default charset = utf8mb4;
insert into strings values
    (1, '', '', '', '', '', ''),
    (2, 'plain', 'trailing blanks   ', 'tab\tline\nreturn\r', 'quote '' double " back \\ slash', '\\N', '\\.'),
    (3, 'NULL', 'null', '{}', '{a,b}', '(1,2)', '\\x00'),
    (4, 'ÄÖÜäöüß', 'кириллица', '日本語', 'עברית العربية', '🎉👩‍👩‍👧', 'a\u0301 é'),
    (5, null, null, null, null, null, null),
    (6, '1', '%s %d $1 ?', 'semi; colon', '-- no comment', '/* nor this */', '\Z\b'),
    (7, 'x', repeat('é', 200), repeat('t', 255), repeat('0123456789', 6500), repeat('ü', 70000), repeat('line\n', 60000));
create table strings_key (
    k varchar(60) collate utf8mb4_bin not null primary key,
    v int
) default charset = utf8mb4;
insert into strings_key values ('', 1), ('it''s', 2), ('a"b', 3), ('back\\slash', 4), ('A', 5), ('a', 6), ('emoji 🎉', 7), ('tab\t', 8), ('comma,', 9);
