insert into large_values values (2, repeat('0123456789', 10485760), null);
insert into large_values values (3, null, repeat(x'00ff1009', 26214400));
insert into large_values values (4, repeat('x', 1048576), repeat('y', 1048576));
update large_values set t = 'short' where id = 4;
delete from large_values where id = 1;
