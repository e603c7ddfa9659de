insert into `order` values (3, 1, 1, 1, 1, 'b', 'new');
update `order` set `a "quoted" name` = 9, `it''s` = 8, `dot.ted` = 7 where `select` = 2;
update `order` set `from` = 'moved' where `select` = 1;
insert into `Mixed.Table "x"` values (2, 'b');
update `Mixed.Table "x"` set `user` = 'c' where `Id` = 1;
