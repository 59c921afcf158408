-- Deeper partitions, generated columns, version 18

-- setup: create table pn(a int, b int not null, c int) partition by range(b); create table pn1 partition of pn for values from (0) to (100); create table pn2 partition of pn for values from (100) to (200) partition by range (b); create table pn21 partition of pn2 for values from (100) to (150); insert into pn select g,g,g from generate_series(0,149) g; create table refp(id int primary key); insert into refp select generate_series(0,200)
alter table pn add primary key (a,b)
alter table pn add constraint ck check (a >= 0)
alter table pn alter a set not null
alter table pn disable trigger all
-- less
alter table pn add constraint fk foreign key (a) references refp
alter table pn alter c add generated always as identity
alter table pn alter c set default 3
alter table pn alter c drop not null
alter table pn drop constraint if exists x
alter table only pn drop constraint if exists x
alter table only pn alter c set default 3
alter table only pn alter c set not null
alter table only pn drop column c
alter table only pn rename column c to d
alter table only pn add column d int
alter table pn alter c set storage plain
alter table pn alter c set (n_distinct=3)
alter table pn alter c set compression default
alter table pn alter c set statistics 5
alter table pn replica identity full
alter table pn rename constraint x to y
create index on pn(a)
alter table pn detach partition pn2
alter table pn detach partition pn1
drop table pn2
alter table pn2 detach partition pn21
drop table pn
truncate pn
truncate pn2
select * from pn
create table pn3 partition of pn2 for values from (150) to (200)
comment on table pn is 'x'
alter table pn owner to pg_database_owner
alter table pn set schema public
alter table pn set access method heap
lock table pn
analyze pn
cluster pn
copy pn to '/dev/null'
update pn set c = 1 where b = 5
delete from pn where b between 100 and 120
insert into pn values (1,1,1)
insert into pn values (1,1,1),(2,120,3)
alter table pn alter a type bigint
alter table pn2 alter a type bigint
alter table pn2 add column q int
alter table pn add column q int unique
alter table pn1 inherit pn2
alter table pn1 no inherit pn
alter table pn enable row level security
create trigger tt before insert on pn for each row execute function trg()
create policy po on pn using (true)

-- setup 18: create table pn(a int, b int not null, c int) partition by range(b); create table pn1 partition of pn for values from (0) to (100); insert into pn values (1,1,1); alter table pn add constraint nn not null a not valid; create table refp(id int primary key); alter table pn add constraint fk foreign key (a) references refp not valid
alter table pn validate constraint nn
-- fails
alter table pn validate constraint fk
alter table pn drop constraint nn
alter table pn alter a drop not null
-- fails
alter table pn1 validate constraint fk
alter table pn alter constraint fk not enforced
alter table pn drop constraint fk

-- setup 18: alter table t add constraint ck check (a > 0) not enforced; alter table t add column vg int generated always as (a*2) virtual
alter table t validate constraint ck
alter table t add check (vg > 0)
alter table t alter vg set expression as (a*3)
alter table t alter vg set not null
alter table t add constraint ck2 check (a > 0) not enforced
alter table t drop column vg
create index on t(vg)

-- setup: create table tg(a int, g int generated always as (a*2) stored, h int); insert into tg select 1 from generate_series(1,100); create index tgg on tg(g); create index tgh on tg(h); alter table tg add check (g > 0)
alter table tg alter g set expression as (a*3)
alter table tg alter g drop expression
alter table tg alter a type bigint
alter table tg drop column a
alter table tg drop column a cascade
alter table tg drop column g
alter table tg alter g set not null
alter table tg alter g type bigint
alter table tg rename column a to q
