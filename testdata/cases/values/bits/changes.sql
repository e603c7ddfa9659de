insert into bits select id + 100, one, five, eight, nine, all64 from bits;
update bits set one = b'1', all64 = 1 where id in (1, 3);
delete from bits where id = 104;
