create table ty_charset_latin1 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set latin1);
insert into ty_charset_latin1 values
    ('sample 1', '€ÿ½é'),
    ('sample 2', '£'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_latin2 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set latin2);
insert into ty_charset_latin2 values
    ('sample 1', 'Łódź čšž'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_latin5 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set latin5);
insert into ty_charset_latin5 values
    ('sample 1', 'ığüşöçİ'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_latin7 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set latin7);
insert into ty_charset_latin7 values
    ('sample 1', 'ąčęėįš'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_cp1250 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set cp1250);
insert into ty_charset_cp1250 values
    ('sample 1', 'Łódź €'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_cp1251 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set cp1251);
insert into ty_charset_cp1251 values
    ('sample 1', 'Привет €'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_cp1256 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set cp1256);
insert into ty_charset_cp1256 values
    ('sample 1', 'سلام'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_cp1257 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set cp1257);
insert into ty_charset_cp1257 values
    ('sample 1', 'ąčęėįš €'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_cp850 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set cp850);
insert into ty_charset_cp850 values
    ('sample 1', 'éÇÿ½'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_cp852 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set cp852);
insert into ty_charset_cp852 values
    ('sample 1', 'Łódź'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_cp866 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set cp866);
insert into ty_charset_cp866 values
    ('sample 1', 'Привет'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_koi8r (edge varchar(60) character set ascii not null primary key, v varchar(60) character set koi8r);
insert into ty_charset_koi8r values
    ('sample 1', 'Привет ─'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_koi8u (edge varchar(60) character set ascii not null primary key, v varchar(60) character set koi8u);
insert into ty_charset_koi8u values
    ('sample 1', 'Їжак є'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_greek (edge varchar(60) character set ascii not null primary key, v varchar(60) character set greek);
insert into ty_charset_greek values
    ('sample 1', 'Καλημέρα'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_hebrew (edge varchar(60) character set ascii not null primary key, v varchar(60) character set hebrew);
insert into ty_charset_hebrew values
    ('sample 1', 'שלום'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_armscii8 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set armscii8);
insert into ty_charset_armscii8 values
    ('sample 1', 'Բարեվ'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_geostd8 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set geostd8);
insert into ty_charset_geostd8 values
    ('sample 1', 'აბგ'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_tis620 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set tis620);
insert into ty_charset_tis620 values
    ('sample 1', 'สวัสดี'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_macroman (edge varchar(60) character set ascii not null primary key, v varchar(60) character set macroman);
insert into ty_charset_macroman values
    ('sample 1', 'éÄ†'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_macce (edge varchar(60) character set ascii not null primary key, v varchar(60) character set macce);
insert into ty_charset_macce values
    ('sample 1', 'Łódź'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_keybcs2 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set keybcs2);
insert into ty_charset_keybcs2 values
    ('sample 1', 'čšž'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_dec8 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set dec8);
insert into ty_charset_dec8 values
    ('sample 1', 'éÇß'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_hp8 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set hp8);
insert into ty_charset_hp8 values
    ('sample 1', 'éÇß'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_swe7 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set swe7);
insert into ty_charset_swe7 values
    ('sample 1', 'Åäö'),
    ('empty', ''),
    ('plain', 'ab'),
    ('null', null);
create table ty_charset_ascii (edge varchar(60) character set ascii not null primary key, v varchar(60) character set ascii);
insert into ty_charset_ascii values
    ('sample 1', 'plain ~'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_utf8mb3 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set utf8mb3);
insert into ty_charset_utf8mb3 values
    ('sample 1', 'ünï 日本'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_utf8mb4 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set utf8mb4);
insert into ty_charset_utf8mb4 values
    ('sample 1', '🎉 日本'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_ucs2 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set ucs2);
insert into ty_charset_ucs2 values
    ('sample 1', 'wide 日本 ÿ'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_utf16 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set utf16);
insert into ty_charset_utf16 values
    ('sample 1', '🎉 日本 ÿ'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_utf16le (edge varchar(60) character set ascii not null primary key, v varchar(60) character set utf16le);
insert into ty_charset_utf16le values
    ('sample 1', '🎉 日本 ÿ'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_utf32 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set utf32);
insert into ty_charset_utf32 values
    ('sample 1', '🎉 日本 ÿ'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_big5 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set big5);
insert into ty_charset_big5 values
    ('sample 1', '中文 漢字'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_gb2312 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set gb2312);
insert into ty_charset_gb2312 values
    ('sample 1', '中文 汉字'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_gbk (edge varchar(60) character set ascii not null primary key, v varchar(60) character set gbk);
insert into ty_charset_gbk values
    ('sample 1', '中文 漢字 丂'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_sjis (edge varchar(60) character set ascii not null primary key, v varchar(60) character set sjis);
insert into ty_charset_sjis values
    ('sample 1', '日本語 ｱｲｳ ソ表'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_cp932 (edge varchar(60) character set ascii not null primary key, v varchar(60) character set cp932);
insert into ty_charset_cp932 values
    ('sample 1', '日本語 ｱｲｳ ① ソ表'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_ujis (edge varchar(60) character set ascii not null primary key, v varchar(60) character set ujis);
insert into ty_charset_ujis values
    ('sample 1', '日本語 ｱｲｳ'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_eucjpms (edge varchar(60) character set ascii not null primary key, v varchar(60) character set eucjpms);
insert into ty_charset_eucjpms values
    ('sample 1', '日本語 ｱｲｳ ①'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_euckr (edge varchar(60) character set ascii not null primary key, v varchar(60) character set euckr);
insert into ty_charset_euckr values
    ('sample 1', '한국어 똠'),
    ('empty', ''),
    ('backslash', 'a\\b'),
    ('null', null);
create table ty_charset_text_latin1 (edge varchar(60) character set ascii not null primary key, v text character set latin1);
insert into ty_charset_text_latin1 values
    ('sample', '€ÿ½é'),
    ('empty', ''),
    ('null', null);
create table ty_charset_char_latin1 (edge varchar(60) character set ascii not null primary key, v char(20) character set latin1);
insert into ty_charset_char_latin1 values
    ('sample', '€ÿ½é'),
    ('empty', ''),
    ('null', null);
create table ty_charset_text_gbk (edge varchar(60) character set ascii not null primary key, v text character set gbk);
insert into ty_charset_text_gbk values
    ('sample', '中文 漢字 丂'),
    ('empty', ''),
    ('null', null);
create table ty_charset_char_gbk (edge varchar(60) character set ascii not null primary key, v char(20) character set gbk);
insert into ty_charset_char_gbk values
    ('sample', '中文 漢字 丂'),
    ('empty', ''),
    ('null', null);
create table ty_charset_text_sjis (edge varchar(60) character set ascii not null primary key, v text character set sjis);
insert into ty_charset_text_sjis values
    ('sample', '日本語 ｱｲｳ ソ表'),
    ('empty', ''),
    ('null', null);
create table ty_charset_char_sjis (edge varchar(60) character set ascii not null primary key, v char(20) character set sjis);
insert into ty_charset_char_sjis values
    ('sample', '日本語 ｱｲｳ ソ表'),
    ('empty', ''),
    ('null', null);
create table ty_charset_text_utf16 (edge varchar(60) character set ascii not null primary key, v text character set utf16);
insert into ty_charset_text_utf16 values
    ('sample', '🎉 日本 ÿ'),
    ('empty', ''),
    ('null', null);
create table ty_charset_char_utf16 (edge varchar(60) character set ascii not null primary key, v char(20) character set utf16);
insert into ty_charset_char_utf16 values
    ('sample', '🎉 日本 ÿ'),
    ('empty', ''),
    ('null', null);
create table ty_charset_text_ucs2 (edge varchar(60) character set ascii not null primary key, v text character set ucs2);
insert into ty_charset_text_ucs2 values
    ('sample', 'wide 日本 ÿ'),
    ('empty', ''),
    ('null', null);
create table ty_charset_char_ucs2 (edge varchar(60) character set ascii not null primary key, v char(20) character set ucs2);
insert into ty_charset_char_ucs2 values
    ('sample', 'wide 日本 ÿ'),
    ('empty', ''),
    ('null', null);
create table ty_charset_text_utf32 (edge varchar(60) character set ascii not null primary key, v text character set utf32);
insert into ty_charset_text_utf32 values
    ('sample', '🎉 日本 ÿ'),
    ('empty', ''),
    ('null', null);
create table ty_charset_char_utf32 (edge varchar(60) character set ascii not null primary key, v char(20) character set utf32);
insert into ty_charset_char_utf32 values
    ('sample', '🎉 日本 ÿ'),
    ('empty', ''),
    ('null', null);
create table ty_charset_text_cp1251 (edge varchar(60) character set ascii not null primary key, v text character set cp1251);
insert into ty_charset_text_cp1251 values
    ('sample', 'Привет €'),
    ('empty', ''),
    ('null', null);
create table ty_charset_char_cp1251 (edge varchar(60) character set ascii not null primary key, v char(20) character set cp1251);
insert into ty_charset_char_cp1251 values
    ('sample', 'Привет €'),
    ('empty', ''),
    ('null', null);
create table ty_charset_enum_latin1 (edge varchar(60) character set ascii not null primary key, v enum('€ÿ½é','b') character set latin1);
insert into ty_charset_enum_latin1 values
    ('first', '€ÿ½é'),
    ('second', 'b'),
    ('null', null);
create table ty_charset_set_latin1 (edge varchar(60) character set ascii not null primary key, v set('€ÿ½é','b') character set latin1);
insert into ty_charset_set_latin1 values
    ('both', '€ÿ½é,b'),
    ('second', 'b'),
    ('null', null);
create table ty_charset_enum_gbk (edge varchar(60) character set ascii not null primary key, v enum('中文','b') character set gbk);
insert into ty_charset_enum_gbk values
    ('first', '中文'),
    ('second', 'b'),
    ('null', null);
create table ty_charset_set_gbk (edge varchar(60) character set ascii not null primary key, v set('中文','b') character set gbk);
insert into ty_charset_set_gbk values
    ('both', '中文,b'),
    ('second', 'b'),
    ('null', null);
create table ty_charset_enum_utf16 (edge varchar(60) character set ascii not null primary key, v enum('🎉','b') character set utf16);
insert into ty_charset_enum_utf16 values
    ('first', '🎉'),
    ('second', 'b'),
    ('null', null);
create table ty_charset_set_utf16 (edge varchar(60) character set ascii not null primary key, v set('🎉','b') character set utf16);
insert into ty_charset_set_utf16 values
    ('both', '🎉,b'),
    ('second', 'b'),
    ('null', null);
