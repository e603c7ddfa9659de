-- engines: mysql
set sql_generate_invisible_primary_key = on;
create table generated_key (v varchar(20), n int, j json, key functional ((n + 1)), key many ((cast(j->'$.a' as unsigned array))));
insert into generated_key values ('a', 1, '{"a": [1, 2]}'), ('a', 1, null), (null, null, null);
