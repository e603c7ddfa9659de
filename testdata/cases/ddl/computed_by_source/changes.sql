-- Only the source knows what existing rows hold now: these tables are copied again.
alter table computed_by_source add column g int as (a + 1) stored;
insert into computed_by_source (id, a) values (3, 3);
alter table computed_by_source modify d timestamp null;
alter table computed_by_source add column u int not null default (id * 2);
insert into computed_by_source (id, a) values (4, 4);
alter table numbered_by_source add column id int not null auto_increment primary key first;
insert into numbered_by_source (v) values ('after');
update numbered_by_source set v = concat(v, '!') where id = 2;
