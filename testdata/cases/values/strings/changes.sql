insert into strings select id + 100, c, v, tt, t, m, l from strings;
update strings set t = concat(t, 'more'), v = '' where id in (2, 3, 4);
update strings set l = null, m = 'short again' where id = 7;
delete from strings where id = 102;
update strings_key set v = v + 100;
update strings_key set k = concat(k, '''x') where v in (102, 104);
delete from strings_key where k in ('a"b', 'emoji 🎉');
