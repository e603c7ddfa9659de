insert into enums_and_sets select id + 100, e, n, s, o from enums_and_sets;
update enums_and_sets set e = 'Large', s = 'red' where id in (1, 4);
update enums_and_sets set n = null, o = '' where id = 3;
delete from enums_and_sets where id = 105;
insert into sets_64 select id + 100, s from sets_64;
update sets_64 set s = 'g9,h1' where id = 1;
