alter table indexes_changed add unique index ab (a, b), drop index a;
insert into indexes_changed values (3, 3, 'z');
create index b on indexes_changed (b);
update indexes_changed set b = 'w' where id = 1;
drop index b on indexes_changed;
insert into indexes_changed values (4, 1, 'x');
