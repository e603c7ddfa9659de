insert into invisible_columns values (4, 4, 4);
update invisible_columns set hidden = hidden + 1;
delete from invisible_columns where id = 2;
alter table invisible_columns add column late int invisible default 9;
insert into invisible_columns values (5, 5, 5);
update invisible_columns set late = 10 where id = 5;
