set sql_mode = 'ALLOW_INVALID_DATES';
insert into po_nul values ('bad', 'a\0b');
insert into po_date values ('bad', '2020-00-15');
insert into po_datetime values ('bad', '0000-00-00 00:00:00');
insert into po_garbage values ('bad', _ucs2 x'd800');
insert into po_enum values ('bad', '');
insert into po_time values ('bad', '24:00:01');
insert into po_small values ('bad', 32768);
insert into po_number values ('bad', 'twelve');
