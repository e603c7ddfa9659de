insert into json_mysql select id + 100, j from json_mysql;
update json_mysql set j = json_set(j, '$.a.b[1]', 'two', '$.new', 7) where id = 12;
update json_mysql set j = '{"after": [1.0, 2]}' where id in (1, 4);
delete from json_mysql where id = 113;
