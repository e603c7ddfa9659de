insert into json_mariadb select id + 100, j from json_mariadb;
update json_mariadb set j = json_set(j, '$.a.b[1]', 'two', '$.new', 7) where id = 12;
update json_mariadb set j = '{"after": [1.0, 2]}' where id in (1, 4);
delete from json_mariadb where id = 113;
