insert into times select id + 100, t, t1, t6 from times;
update times set t = '-01:02:03', t1 = '-01:02:03.4', t6 = '-01:02:03.000004' where id in (1, 7);
delete from times where id = 103;
