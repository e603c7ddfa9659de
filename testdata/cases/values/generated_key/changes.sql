set sql_generate_invisible_primary_key = on;
insert into generated_key values ('b', 2, '{"a": [3]}');
update generated_key set n = 5 where v = 'a' limit 1;
delete from generated_key where v is null;
create table generated_key_later (v int);
insert into generated_key_later values (1), (1), (2);
delete from generated_key_later where v = 1 limit 1;
