insert into integers select id + 100, t, tu, t1, s, su, m, mu, i, iu, b, bu from integers;
update integers set bu = bu - 1, tu = tu - 1, b = -b where id = 2;
update integers set t = 1, iu = 7 where id = 4;
delete from integers where id = 103;
update integers_unsigned_key set v = 10 where id = 18446744073709551615;
update integers_unsigned_key set id = 9223372036854775809 where id = 9223372036854775808;
delete from integers_unsigned_key where id = 0;
insert into integers_identity (v) values (4), (5);
delete from integers_identity where id = 2;
