-- engines: mariadb
create table ty_uuid (edge varchar(60) character set ascii not null primary key, v uuid);
insert into ty_uuid values
    ('zero', '00000000-0000-0000-0000-000000000000'),
    ('all ones', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    ('zeros behind', '12345678-1234-1234-1234-120000000000'),
    ('version 1', '6ccd780c-baba-1026-9564-5b8c656024db'),
    ('null', null);
