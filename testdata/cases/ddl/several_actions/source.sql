create table several_actions (a int not null, b int, c int, d int, primary key (a), key b (b));
insert into several_actions values (1, 1, 1, 1), (2, 2, 2, 2);
