alter table enum_labels modify e enum('a', 'b', 'c', 'd') not null;
insert into enum_labels values (4, 'd', 'x');
alter table enum_labels modify e enum('z', 'd', 'c', 'b', 'a') not null;
insert into enum_labels values (5, 'z', 'y');
update enum_labels set e = 'a' where id = 4;
alter table enum_labels change n renamed enum('x', 'y', 'it''s') default 'y';
insert into enum_labels (id, e, renamed) values (6, 'c', 'it''s');
alter table enum_labels modify e varchar(20) not null;
insert into enum_labels values (7, 'free text', 'x');
