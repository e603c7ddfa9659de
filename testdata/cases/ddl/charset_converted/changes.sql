insert into charset_converted values (3, 'é', 'latin1', 'a');
alter table charset_converted convert to character set utf8mb4;
insert into charset_converted values (4, '🎉', '日本', 'a');
alter table charset_converted modify v varchar(30) character set utf16;
insert into charset_converted values (5, '🎉 utf16', '', 'b');
alter table charset_converted default character set cp1251, add column n varchar(20);
insert into charset_converted values (6, 'x', 'y', 'b', 'Привет');
