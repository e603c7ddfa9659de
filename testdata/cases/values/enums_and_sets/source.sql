set sql_mode = '';
create table enums_and_sets (
    id int not null primary key,
    e enum('small', 'Large', 'it''s', 'with space', 'ünï', '1', '0') not null,
    n enum('a', 'b'),
    s set('red', 'green', 'blue', 'ünï', 'it''s') not null,
    o set('x', 'y')
) default charset = utf8mb4;
insert into enums_and_sets values
    (1, 'small', 'a', '', ''),
    (2, 'it''s', null, 'red,blue', null),
    (3, 'with space', 'b', 'red,green,blue,ünï,it''s', 'x,y'),
    (4, 'ünï', 'b', 'it''s', 'y'),
    (5, '1', 'a', 'green', 'x'),
    (6, '0', 'a', 'green', 'x');
create table sets_64 (
    id int not null primary key,
    s set('a1','a2','a3','a4','a5','a6','a7','a8','a9','b1','b2','b3','b4','b5','b6','b7','b8','b9','c1','c2','c3','c4','c5','c6','c7','c8','c9','d1','d2','d3','d4','d5','d6','d7','d8','d9','e1','e2','e3','e4','e5','e6','e7','e8','e9','f1','f2','f3','f4','f5','f6','f7','f8','f9','g1','g2','g3','g4','g5','g6','g7','g8','g9','h1')
);
insert into sets_64 values (1, 'a1,h1'), (2, 'h1'), (3, 18446744073709551615), (4, ''), (5, null);
