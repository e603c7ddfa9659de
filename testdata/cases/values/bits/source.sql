create table bits (
    id int not null primary key,
    one bit(1),
    five bit(5),
    eight bit(8),
    nine bit(9),
    all64 bit(64)
);
insert into bits values
    (1, b'0', b'0', b'0', b'0', b'0'),
    (2, b'1', b'10101', b'11111111', b'100000001', 18446744073709551615),
    (3, null, null, null, null, null),
    (4, 1, 1, 128, 256, 9223372036854775808);
