insert into generated_columns (id, a, b) values (11, 10, 20), (12, null, null);
update generated_columns set a = a + 1 where id in (1, 11);
delete from generated_columns where id = 3;
