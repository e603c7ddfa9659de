insert into wide_rows (id, c0, c999) values (3, 1, 'a');
update wide_rows set c1 = 1, c500 = -5, c999 = 'a' where id = 2;
update wide_rows set id = 4 where id = 1;
delete from wide_rows where id = 3;
alter table wide_rows drop column c500;
insert into wide_rows (id, c501) values (5, 7);
