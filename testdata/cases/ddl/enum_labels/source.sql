create table enum_labels (id int not null primary key, e enum('a', 'b', 'c') not null, n enum('x', 'y'));
insert into enum_labels values (1, 'a', 'x'), (2, 'b', null), (3, 'c', 'y');
