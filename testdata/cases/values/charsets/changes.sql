insert into charsets select id + 100, l1, l2, w1251, u3, u16, a, l1text from charsets;
update charsets set l1 = '€ and ñ', w1251 = 'Мир', u16 = '🎈' where id in (2, 3);
delete from charsets where id = 101;
