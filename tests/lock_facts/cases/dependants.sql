-- What hangs on a relation; partitions

-- setup: create policy pol on t using (exists (select 1 from ref)); create trigger tg before update on t for each row execute function trg(); create rule r1 as on delete to t do also notify x; create statistics st on a,a2 from t; create publication pb for table t;create function f9() returns int language sql begin atomic select count(k)::int from ref; end; create view v2 as select * from vw; create table so(a serial, b dom_chk, c dom_plain); insert into so select 1 from generate_series(1,10)
drop table ref cascade
alter table ref drop column k cascade
drop function trg() cascade
drop trigger tg on t
drop trigger if exists nope on t
drop policy pol on t
alter policy pol on t rename to q
alter policy pol on t using (true)
drop rule r1 on t
alter rule r1 on t rename to q
drop statistics st
alter statistics st set statistics 10
alter statistics st rename to q
comment on policy pol on t is 'x'
comment on trigger tg on t is 'x'
comment on rule r1 on t is 'x'
comment on statistics st is 'x'
drop publication pb
alter publication pb add table ref
alter publication pb set table ref
alter publication pb drop table t
alter publication pb set (publish='insert')
alter publication pb rename to q
alter trigger tg on t depends on extension plpgsql
alter table t disable trigger tg
alter table t enable always trigger tg
alter table t disable rule r1
drop view v2
drop view vw cascade
drop function f9()
drop table so
alter table so drop column a
alter table so rename to q
alter table so set schema public
alter table so owner to pg_database_owner
alter table t owner to pg_database_owner
alter table p owner to pg_database_owner
alter view vw owner to pg_database_owner
alter sequence so_a_seq owned by none
alter sequence so_a_seq rename to q
drop sequence so_a_seq
drop sequence so_a_seq cascade
truncate so restart identity
truncate so
alter domain dom_chk add constraint c2 check (value <> 'y')
alter domain dom_chk add constraint c2 check (value <> 'y') not valid
alter domain dom_chk add check (value <> 'y')
alter domain dom_chk drop constraint dom_chk_check
alter domain dom_chk rename constraint dom_chk_check to q
alter domain dom_chk set default 'x'
alter domain dom_chk drop not null
-- fails
alter domain dom_plain set not null
alter domain dom_plain add constraint c2 check (value <> 'y') not valid
-- fails
alter domain dom_plain add constraint c2 not null
alter domain dom_chk owner to postgres
drop domain dom_chk cascade
drop domain dom_plain cascade
insert into so(b) values ('a')

-- setup: create type comp as (a int); create table tc of comp; create table tc2(x comp, y int); insert into tc values (1)
alter type comp add attribute b int
alter type comp add attribute b int cascade
alter type comp drop attribute a cascade
alter type comp alter attribute a type bigint cascade
alter type comp rename attribute a to q cascade
alter type comp rename to q
alter type comp set schema public
drop type comp cascade
alter table tc not of

-- setup: create table pdef partition of p default; insert into p values (1,1,'2030-01-01','x'); create table pe(id int not null, k int not null, d date not null, txt text)
alter table p attach partition pnew for values from ('2024-04-01') to ('2024-05-01')
alter table p attach partition pe for values from ('2024-04-01') to ('2024-05-01')
alter table p detach partition p1
alter table p detach partition pdef
drop table p1
drop table pdef
create table p9 partition of p for values from ('2024-06-01') to ('2024-07-01')
create index on p(k)
alter table p add column z int
insert into p values (1,1,'2024-01-05','x')
select * from p where d = '2024-01-05'
select * from p
update p set txt = 'y' where d = '2024-01-05'
update p set d = '2024-02-05' where d = '2024-01-05'
update p set txt = 'y'
delete from p
truncate p

-- setup: create table pdef partition of p default; create index pk on p(k); create unique index pu on p(id,d); create trigger tg after insert on p for each row execute function trg();
alter table p attach partition pnew for values from ('2024-04-01') to ('2024-05-01')
alter table p detach partition p1
create table p9 partition of p for values from ('2024-06-01') to ('2024-07-01')
drop index pk
drop index p1_k_idx
drop trigger tg on p
alter trigger tg on p rename to q
alter table p disable trigger tg
alter table p enable trigger all
alter table p disable trigger user
alter index pk rename to q
alter index pk set (fillfactor=70)
alter table p drop column k
alter table p alter column k type bigint
alter table p alter column txt type varchar(50)
alter table p alter column id type bigint
create index pk2 on p(txt)
drop table p1
drop table p
alter table p add unique using index pu
alter table p set (autovacuum_enabled=false)
alter table p set tablespace pg_default
alter table p set schema public
alter table p disable row level security
alter table p replica identity full
alter table p cluster on pk
alter table p1 cluster on p1_k_idx
cluster p1 using p1_k_idx
alter table p set logged
alter table p1 set unlogged
insert into p values (1,1,'2024-01-05','x')

-- setup: create index pk on p(k); create table pz(id int not null, k int not null, d date not null, txt text) partition by range (d); create table pz1 partition of pz for values from ('2024-04-01') to ('2024-05-01'); insert into pz select * from pnew where d < '2024-04-20'; create index on pnew(k)
alter table p attach partition pz for values from ('2024-04-01') to ('2024-05-01')
alter table p attach partition pnew for values from ('2024-04-01') to ('2024-05-01')
