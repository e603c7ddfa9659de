create table enum_labels (id int not null primary key, e enum('a', 'b', 'c') not null, n enum('x', 'y'));
insert into enum_labels values (1, 'a', 'x'), (2, 'b', null), (3, 'c', 'y');
create table enum_labels_removed (id int not null primary key, e enum('a', 'b', 'c'), s set('x', 'y', 'z'));
insert into enum_labels_removed values (1, 'a', 'x'), (2, 'b', 'x,y'), (3, null, '');
