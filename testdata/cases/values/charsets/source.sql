create table charsets (
    id int not null primary key,
    l1 varchar(60) character set latin1,
    l2 varchar(60) character set latin2,
    w1251 varchar(60) character set cp1251,
    u3 varchar(60) character set utf8mb3,
    u16 varchar(60) character set utf16,
    a varchar(60) character set ascii,
    l1text text character set latin1
);
insert into charsets values
    (1, 'café ½ €ÿ', 'Łódź čšž', 'Привет', 'ünïcödé', 'wide 日本 🎉', 'ascii', 'längerer Text'),
    (2, '', '', '', '', '', '', ''),
    (3, null, null, null, null, null, null, null);
