insert into tables_dropped values (3, 3);
drop table tables_dropped;
insert into tables_truncated values (3, 3);
truncate table tables_truncated;
insert into tables_truncated values (4, 4);
insert into tables_renamed values (3, 3);
rename table tables_renamed to tables_with_new_name;
update tables_with_new_name set v = v + 1;
create table tables_created (
    id int unsigned not null auto_increment primary key,
    label varchar(30) not null,
    amount decimal(8, 2),
    kind enum('a', 'b') not null default 'a',
    unique key label (label)
) default charset = utf8mb4;
insert into tables_created (label, amount, kind) values ('one', 1.50, 'b'), ('two', null, 'a');
update tables_created set amount = 2 where label = 'two';
create table tables_short_lived (id int not null primary key);
insert into tables_short_lived values (1);
drop table tables_short_lived;
