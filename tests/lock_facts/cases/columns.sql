-- Columns, renames, inheritance

-- setup: 
alter table t add column z serial
alter table t add column z int generated always as identity
alter table t add column z int generated always as (a*2) stored
-- fails
alter table t add column z int not null
alter table t add column z int not null default 1
alter table t add column z dom_plain
-- fails
alter table t add column z dom_nn
alter table t add column z dom_nn default 'x'
alter table t add column z dom_plain default 'x'
alter table t add column z mood[] default '{ok}'
alter table t add column if not exists a int
alter table t add column z int default f_imm(1)
alter table t add column z int default f_vol(1)
alter table t add column z int check (z>0) default 5
alter table t add column z int default 1 references ref(id)
-- fails
alter table t add column z int default 1 unique
alter table t add column z int references ref(id) not null default 1
alter table t add column z uuid default gen_random_uuid()
alter table t add column z int default (random()*10)::int
alter table t add column z timestamptz default clock_timestamp()
alter table t add column z int generated always as identity primary key
alter table t add column z int constraint nn not null default 1
alter table t add column z s.dom_chk default null
alter table t add column z int references t(id)
alter table p add column z int default random()
alter table p add column z serial
alter table p add column z int unique
alter table p add column z int references ref(id)
alter table p add column z int check (z>0)
alter table t alter column a set default 5
alter table t alter column a drop default
alter table t alter column a set statistics 100
alter table t alter column b set storage external
alter table t alter column b set compression pglz
alter table t alter column a set (n_distinct=5)
alter table t alter column a reset (n_distinct)
alter table t alter column a set not null
alter table t alter column a set not null, alter column a2 set not null
alter table t alter column id drop not null
alter table p alter column k set not null
alter table p alter column txt set not null
alter table p alter column txt set default 'x'
alter table p alter column txt set statistics 10
alter table p alter column k drop not null
alter table vw alter column a set default 4
alter view vw alter column a set default 4
alter view vw alter column a drop default
alter table t alter column id add generated always as identity
alter table t drop column a2
alter table t drop column id
alter table t drop column a cascade
alter table t drop column if exists nope
alter table child drop column t_id
alter table ref drop column u
alter table p drop column txt
alter table p1 drop column txt
alter table t rename column a2 to q
alter table t rename to tt
alter table p rename column txt to q
alter table p rename to q
alter table vw rename to q
alter view vw rename to q
alter view vw rename column a to q
alter materialized view mv rename to q
alter materialized view mv rename column a to q
alter sequence sq rename to q
alter table sq rename to q
alter table t_a rename to q
alter index t rename to q
alter index t_pkey rename to q
alter table t rename constraint t_pkey to q
alter table child rename constraint child_fk to q
alter type mood rename value 'sad' to 'q'
alter type mood add value 'q'
alter schema s rename to q
alter domain dom_chk rename to q
alter function f_imm(int) rename to q

-- setup: alter table p add constraint ck check (k > 0)
alter table p rename constraint ck to q

-- setup: create table i0(a int); create table i1(b int) inherits (i0); insert into i1 values (1,2)
alter table i0 add column z int default 1
alter table i0 add constraint ck check (a > 0)
alter table i0 add constraint ck check (a > 0) no inherit
alter table i0 rename column a to q
alter table i0 alter column a set not null
alter table only i0 alter column a set not null
alter table only i0 alter column a type bigint
alter table i0 alter column a type bigint
alter table i0 add constraint ck check (a > 0) not valid
alter table i1 no inherit i0
drop table i0
drop table i0 cascade
truncate i0
truncate only i0
select * from i0
update i0 set a = 1
delete from i0
alter table i0 alter column a set statistics 10
alter table i0 set (fillfactor=80)
alter table i0 set tablespace pg_default
alter table i0 owner to postgres
alter table i0 set schema public
alter table i0 disable row level security
alter table i0 disable trigger all
create index i0a on i0(a)
alter table i0 add unique (a)
analyze i0
lock table i0
