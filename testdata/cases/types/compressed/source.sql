-- engines: mariadb
create table ty_compressed_varchar (edge varchar(60) character set ascii not null primary key, v varchar(2000) compressed) default charset = utf8mb4;
insert into ty_compressed_varchar values
    ('empty', ''),
    ('short', 'x'),
    ('long', repeat('ü', 1500)),
    ('null', null);
create table ty_compressed_text (edge varchar(60) character set ascii not null primary key, v text compressed) default charset = utf8mb4;
insert into ty_compressed_text values
    ('empty', ''),
    ('short', 'x'),
    ('long', repeat('0123456789', 6000)),
    ('null', null);
create table ty_compressed_blob (edge varchar(60) character set ascii not null primary key, v longblob compressed);
insert into ty_compressed_blob values
    ('empty', ''),
    ('short', x'00'),
    ('long', repeat(x'0001', 300000)),
    ('null', null);
create table ty_compressed_varbinary (edge varchar(60) character set ascii not null primary key, v varbinary(5000) compressed);
insert into ty_compressed_varbinary values
    ('empty', ''),
    ('short', x'00'),
    ('long', repeat(x'0001', 2000)),
    ('null', null);
