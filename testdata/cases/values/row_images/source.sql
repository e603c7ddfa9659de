create table row_images (id int not null primary key, a int default 5, b varchar(20) not null default 'it''s', c text, d blob, e enum('x', 'y') default 'y', u int, unique key u (u));
create table row_images_keyless (a int, b varchar(20), c text);
insert into row_images values (1, 1, 'one', 'text', 'blob', 'x', 1), (2, 2, 'two', null, null, null, 2), (3, 3, 'three', '', '', 'y', 3);
insert into row_images_keyless values (1, 'x', 'long'), (1, 'x', 'long'), (2, null, null);
