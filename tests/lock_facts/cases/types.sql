-- Types

-- setup: create table m(vcA varchar(10), vc varchar, tx text, c10 char(10), nm name, n102 numeric(10,2), n numeric, ts3 timestamp(3), ts timestamp, tz3 timestamptz(3), tz timestamptz, t3 time(3), t time, tt3 timetz(3), tt timetz, i3 interval(3), i interval, iy interval year to month, ids interval day to second(3), b5 bit(5), vb5 varbit(5), vb varbit, i4 int, i8 int8, o oid, rc regclass, x xml, ci cidr, ine inet, dp dom_plain, dn dom_nn, vca10 varchar(10)[], ta text[], va varchar[], ia int[], na numeric(10,2)[], m mood, txc text collate "C", d date, by bytea, mn money, j json, dpv dom_plain); insert into m(dn) values ('x')
alter table m alter vca type varchar(20)
alter table m alter vca type name
alter table m alter vca type char(10)
alter table m alter vca type dom_plain
alter table m alter vca type dom_chk
alter table m alter vc type text
alter table m alter vc type name
alter table m alter tx type varchar
alter table m alter tx type varchar(10)
alter table m alter tx type name
alter table m alter tx type dom_plain
alter table m alter tx type dom_chk
-- fails
alter table m alter tx type dom_nn
alter table m alter tx type char
alter table m alter tx type text collate "C"
alter table m alter txc type text
alter table m alter txc type varchar
alter table m alter vca type varchar(20) collate "C"
alter table m alter c10 type char(10)
alter table m alter c10 type char(5)
alter table m alter c10 type bpchar
alter table m alter c10 type varchar
alter table m alter c10 type varchar(10)
alter table m alter nm type text
alter table m alter nm type varchar
alter table m alter dp type text
alter table m alter dp type varchar
alter table m alter dn type text
alter table m alter dn type dom_plain
alter table m alter dn type dom_plain using 'x'
alter table m alter n102 type numeric(12,2)
alter table m alter n102 type numeric(10,3)
alter table m alter n102 type numeric(10,1)
alter table m alter n102 type decimal
alter table m alter n type numeric(10,2)
alter table m alter n type numeric
alter table m alter ts3 type timestamp(6)
alter table m alter ts3 type timestamp(2)
alter table m alter ts type timestamp(6)
alter table m alter ts type timestamp(3)
alter table m alter ts3 type timestamptz(3)
alter table m alter ts3 type timestamptz
alter table m alter tz3 type timestamp
alter table m alter ts3 type timestamptz(2)
alter table m alter ts type timestamptz(6)
alter table m alter t3 type time
alter table m alter t3 type time(4)
alter table m alter t3 type time(2)
alter table m alter tt3 type timetz
alter table m alter t3 type timetz
alter table m alter i3 type interval
alter table m alter i3 type interval(5)
alter table m alter i3 type interval(2)
alter table m alter i type interval(6)
alter table m alter i type interval year to month
alter table m alter iy type interval
alter table m alter iy type interval year
alter table m alter iy type interval month
alter table m alter iy type interval year to month
alter table m alter ids type interval day to second(5)
alter table m alter ids type interval day to second
alter table m alter ids type interval second(3)
alter table m alter ids type interval(3)
alter table m alter ids type interval hour to second(3)
alter table m alter iy type interval(3)
alter table m alter b5 type bit(5)
alter table m alter b5 type varbit
alter table m alter b5 type varbit(5)
alter table m alter b5 type varbit(10)
alter table m alter vb5 type varbit(10)
alter table m alter vb5 type varbit
alter table m alter vb type varbit(10)
alter table m alter vb5 type bit(5) using vb5
alter table m alter i4 type int using i4
alter table m alter i4 type int using (i4)
alter table m alter i4 type int using i4+0
alter table m alter i4 type int using i4::int
alter table m alter i4 type int using i4::oid::int
alter table m alter i4 type int using i8
alter table m alter i4 type int using id
alter table m alter i4 type oid
alter table m alter i4 type regclass
alter table m alter i4 type regclass using i4::regclass
alter table m alter i4 type regclass using i4::oid::regclass
alter table m alter o type regclass
alter table m alter rc type oid
alter table m alter rc type int
alter table m alter i8 type oid
alter table m alter i4 type smallint
alter table m alter x type text
alter table m alter x type varchar
alter table m alter x type varchar(10)
alter table m alter tx type xml using tx::xml
alter table m alter ci type inet
alter table m alter ine type cidr
alter table m alter ci type text
alter table m alter vca10 type varchar(20)[]
alter table m alter vca10 type varchar[]
alter table m alter vca10 type text[]
alter table m alter va type text[]
alter table m alter ta type varchar[]
alter table m alter ta type text[]
alter table m alter ta type text[][]
alter table m alter na type numeric(12,2)[]
alter table m alter na type numeric[]
alter table m alter ia type oid[]
alter table m alter m type mood
alter table m alter d type timestamp
alter table m alter by type text using by::text
alter table m alter j type json using j
alter table m alter j type text
alter table m alter vca type varchar(20) using vca
alter table m alter vca type varchar(20) using vca::text
alter table m alter vca type text using vca::varchar(20)
alter table m alter vca type text using vca::varchar(5)
alter table m alter vca type text using vca::text::varchar::text
alter table m alter vca type varchar(5) using vca::varchar(5)
alter table m alter vca type varchar(5) using substr(vca,1,5)
alter table m alter vca type text using (vca || '')
alter table m alter vca type text using vca collate "C"
alter table m alter vca type s.dom_plain using vca::s.dom_plain
alter table m alter tx type text using null
alter table m alter tx type text using trim(tx)
alter table m alter vca type varchar(20), alter n102 type numeric(12,2)
alter table m alter vca type varchar(20), add column z int default random()
-- fails
alter table m alter vca type varchar(20), alter vc set not null
alter table m alter vca type varchar(20), add constraint ck check (vca <> 'a')
alter table m alter dp type dom_chk
alter table m alter dp type text, alter dp set default 'x'
