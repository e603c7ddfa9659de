-- engines: mysql
create table ty_charset_gb18030 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set gb18030);
insert into ty_charset_gb18030 values
    ('cjk', '中文 日本 🎉'),
    ('ascii', 'plain'),
    ('null', null);
