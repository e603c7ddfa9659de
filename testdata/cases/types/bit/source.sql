create table ty_bit_1 (edge varchar(60) character set ascii not null primary key, v bit(1));
insert into ty_bit_1 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'1'),
    ('highest', b'1'),
    ('null', null);
create table ty_bit_7 (edge varchar(60) character set ascii not null primary key, v bit(7));
insert into ty_bit_7 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'1111111'),
    ('highest', b'1000000'),
    ('null', null);
create table ty_bit_8 (edge varchar(60) character set ascii not null primary key, v bit(8));
insert into ty_bit_8 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'11111111'),
    ('highest', b'10000000'),
    ('null', null);
create table ty_bit_9 (edge varchar(60) character set ascii not null primary key, v bit(9));
insert into ty_bit_9 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'111111111'),
    ('highest', b'100000000'),
    ('null', null);
create table ty_bit_31 (edge varchar(60) character set ascii not null primary key, v bit(31));
insert into ty_bit_31 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'1111111111111111111111111111111'),
    ('highest', b'1000000000000000000000000000000'),
    ('null', null);
create table ty_bit_32 (edge varchar(60) character set ascii not null primary key, v bit(32));
insert into ty_bit_32 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'11111111111111111111111111111111'),
    ('highest', b'10000000000000000000000000000000'),
    ('null', null);
create table ty_bit_33 (edge varchar(60) character set ascii not null primary key, v bit(33));
insert into ty_bit_33 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'111111111111111111111111111111111'),
    ('highest', b'100000000000000000000000000000000'),
    ('null', null);
create table ty_bit_63 (edge varchar(60) character set ascii not null primary key, v bit(63));
insert into ty_bit_63 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'111111111111111111111111111111111111111111111111111111111111111'),
    ('highest', b'100000000000000000000000000000000000000000000000000000000000000'),
    ('null', null);
create table ty_bit_64 (edge varchar(60) character set ascii not null primary key, v bit(64));
insert into ty_bit_64 values
    ('none', 0),
    ('lowest', 1),
    ('all', b'1111111111111111111111111111111111111111111111111111111111111111'),
    ('highest', b'1000000000000000000000000000000000000000000000000000000000000000'),
    ('null', null);
