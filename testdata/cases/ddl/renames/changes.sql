rename table renames_a to renames_tmp, renames_b to renames_a, renames_tmp to renames_b;
insert into renames_a values (5, 'was b');
insert into renames_b values (5, 'a');
alter table renames_c rename to renames_d, add column w int, drop index renames_v;
insert into renames_d values (5, 5, 5);
rename table renames_d to renames_c, renames_c to renames_e;
update renames_e set w = 6;
alter table renames_e rename column v to `Mixed Case`, rename as renames_f;
delete from renames_f where id = 1;
