-- Indexes, comments, privileges, CREATE and DROP

-- setup: 
create index i1 on t(a)
create unique index i1 on t(a)
create index i1 on t(lower(b)) where a > 1
create index on mv(a)
create index i1 on vw(a)
create index i1 on only p(k)
create index i1 on p1(k)
create unique index on p(id,d)
drop index t_a
drop index t_a, t_b
drop index if exists nope
drop index t_pkey
drop index ref_u cascade
alter index t_a set tablespace pg_default
alter index t_a set (fillfactor=80)
alter index t_a reset (fillfactor)
alter index t_a alter column 1 set statistics 10
alter table t_a set (fillfactor=80)
alter index t_a depends on extension plpgsql
reindex index t_a
reindex table t
reindex index p1
comment on table t is 'x'
comment on column t.a is 'x'
comment on index t_a is 'x'
comment on constraint t_pkey on t is 'x'
comment on view vw is 'x'
comment on type mood is 'x'
comment on schema s is 'x'
comment on function f_imm(int) is 'x'
comment on sequence sq is 'x'
comment on constraint dom_chk_check on domain dom_chk is 'x'
grant select on t to public
grant select (a) on t to public
revoke select on t from public
grant select on all tables in schema s to public
grant usage on schema s to public
grant usage on sequence sq to public
grant execute on function f_imm(int) to public
alter default privileges grant select on tables to public
create sequence s2q
create sequence s2q owned by t.a
alter sequence sq restart
alter sequence sq increment 5
alter sequence sq owned by t.a
alter sequence sq owned by none
alter sequence sq owner to postgres
alter sequence sq set schema public
alter sequence sq set logged
drop sequence sq
drop view vw
drop view vw cascade
drop materialized view mv
drop table t
drop table t cascade
drop table p
drop table p1
drop table p1, p2
drop table if exists nope
drop table child, t cascade
drop type mood
drop type mood cascade
drop domain dom_chk
drop function f_imm(int)
drop function trg()
drop schema s
create schema s9
create table t9(a int references t(id), b int)
create table t9(a int) inherits (t)
create table t9(like t)
create table t9(like t including all)
create table t9(a mood, b dom_chk, c int default nextval('sq'))
create table t9 partition of p default
create table t9 partition of p for values from ('2025-01-01') to ('2025-02-01') partition by range(d)
create table if not exists t(a int)
create table t9 as select 1 as x
create table t9 as select * from vw
create table t9 as select * from mv with no data
create materialized view m9 as select * from t
create materialized view m9 as select * from t with no data
-- fails
create view v9 as select * from vw join ref on true
create or replace view v9 as select f_vol(1)
create or replace view vw as select id, a from t
create trigger tg after insert on p for each row execute function trg()
create trigger tg after insert on p for each statement execute function trg()
create trigger tg instead of insert on vw for each row execute function trg()
create trigger tg after update on t from ref for each row execute function trg()
create constraint trigger tg after update on t from ref for each row execute function trg()
create policy pol on t using (exists (select 1 from ref))
create rule r as on insert to vw do instead insert into t(id) values (new.id)
create rule r as on insert to t do also insert into ref(id) values (new.id)
create statistics st on a, a2 from t
create publication pb for table t
create publication pb for table p
create publication pb for all tables
create publication pb for tables in schema s
create extension if not exists plpgsql
create aggregate ag(int) (sfunc=int4pl, stype=int)
create cast (int as mood) with inout
create collation cc from "C"
create operator === (leftarg=int, rightarg=int, function=int4eq)
create type e9 as enum('a')
create type c9 as (a int, b mood)
create type r9 as range (subtype=int)
create domain d9 as dom_chk check (value <> 'a')
create function f9() returns int language sql as 'select count(*)::int from t'
create function f9() returns int language sql begin atomic select count(*)::int from t; end
create function f9() returns t language sql as 'select * from t limit 1'
create function f9() returns setof t.a%type language sql as 'select a from t'
create procedure p9() language sql as 'insert into ref values (1000)'
-- fails
create event trigger et on ddl_command_start execute function trg()
