-- engines: mariadb
create table ty_inet4 (edge varchar(60) character set ascii not null primary key, v inet4);
insert into ty_inet4 values
    ('zero', '0.0.0.0'),
    ('all ones', '255.255.255.255'),
    ('zeros behind', '10.0.0.0'),
    ('null', null);
create table ty_inet6 (edge varchar(60) character set ascii not null primary key, v inet6);
insert into ty_inet6 values
    ('zero', '::'),
    ('loopback', '::1'),
    ('zeros behind', '2001:db8::'),
    ('mapped', '::ffff:10.0.0.1'),
    ('full', '2001:db8:1:2:3:4:5:6'),
    ('null', null);
