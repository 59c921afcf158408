-- Rows, maintenance, options

-- setup: 
insert into t(id) values (9999)
insert into child values (9999, 1, 1)
insert into child values (9999, null, 1)
-- less
insert into child values (1, 1, 1) on conflict do nothing
-- less
insert into child values (1, 1, 1) on conflict (id) do update set parent_id = 2
insert into ref select id+1000 from t
update t set a2 = 1
update t set a2 = 1 where id = 1
update t set id = id + 1000 where id = 399
update child set t_id = 2
update child set parent_id = 2
update t set a2 = r.k from ref r where r.id = t.id
delete from t where id = 399
-- fails
delete from t
delete from ref where id = 1
delete from child using t where child.t_id = t.id
select * from t for update
select * from t, ref for update of t
select * from vw
select * from vw for update
select * from mv
select * from t where id = 1
select * from t where a = 5
select 1
select f_vol(1)
select nextval('sq')
select setval('sq', 5)
select * from sq
select (select count(*) from ref)
with x as (delete from child returning *) select * from x
with t as (select 1) select * from t
update vw set a = 1 where id = 1
insert into vw values (9999, 1)
delete from child where id < 10
delete from child where exists (select 1 from ref where ref.id = child.t_id)
merge into child using ref on ref.id = child.id when matched then delete
-- less
merge into child using ref on ref.id = child.id when not matched then insert values (ref.id+5000, 1, 1)
truncate t
truncate ref
truncate t, child
truncate vw
truncate p1
lock table p
lock table vw
lock table t, ref in access share mode
lock table t in exclusive mode nowait
lock table only p
explain select * from t
explain analyze select * from t
explain update t set a = 1
explain analyze update t set a2 = 1
prepare q as select * from t
declare cu cursor for select * from t
copy t to '/dev/null'
copy (select * from ref) to '/dev/null'
-- less
copy child from program 'true'
copy child from program 'echo 5000,1,1' csv
copy t(id) from program 'echo 5000' csv
select pg_advisory_lock(1)
do $$ begin perform 1 from t; end $$
do $$ begin update child set parent_id = 3; end $$
do $$ begin alter table t add column zz int; end $$
set search_path = s
set lock_timeout = '1s'
reset all
begin
savepoint a
notify x
listen x
discard plans
checkpoint
refresh materialized view mv
refresh materialized view mv with no data
refresh materialized view concurrently mv
cluster t using t_pkey
cluster t
analyze t
analyze p
analyze t (a)
analyze mv
analyze
alter table t set (fillfactor=80, autovacuum_enabled=false)
alter table t set (toast_tuple_target=200)
alter table t set (user_catalog_table=true)
alter table t set (parallel_workers=2)
alter table t set (toast.autovacuum_enabled=false)
alter table t reset (fillfactor)
alter table t set without cluster
alter table t set without oids
alter view vw set (security_barrier=true)
alter table t add column z int, add column y int default random()
alter table t alter a drop default, alter a set statistics 10
alter table t set tablespace pg_default
alter materialized view mv set tablespace pg_default
alter materialized view mv cluster on mv_id
alter materialized view mv owner to postgres
alter materialized view mv set (fillfactor=80)
alter table t replica identity full
alter table t replica identity nothing
alter table t enable row level security
alter table t force row level security
alter table t set unlogged
alter table child set unlogged
alter table t inherit ref
alter table if exists nope add column x int
alter table t set access method heap
