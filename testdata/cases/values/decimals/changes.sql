insert into decimals select id + 100, price, whole, wide, fraction, filled from decimals;
update decimals set price = -price, wide = wide / 10 where id in (2, 3);
update decimals set price = null where id = 4;
delete from decimals where id = 101;
