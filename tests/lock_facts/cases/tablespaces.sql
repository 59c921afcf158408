-- Another tablespace, which moves files: `tsx` is created on every server

-- setup: create table g0(a int not null, b text) partition by range (a); create table g1 partition of g0 for values from (0) to (100); create table g2 partition of g0 for values from (100) to (200) partition by range (a); create table g21 partition of g2 for values from (100) to (150); create index g0b on g0(b); insert into g0 select g, 'x' from generate_series(1,149) g; create table i0(a int primary key, b text); create table i1() inherits (i0); create index i1a on i1(a); insert into i1 values (1, 'x'); create unlogged table ul(a int primary key, b text); insert into ul values (1); create table emp(a int primary key, b int generated always as identity); create table intsx(a int primary key, b text) tablespace tsx; insert into intsx values (1); create index intsxb on intsx(b) tablespace tsx
alter table {{|only }}{{t|ref|child|p|p1|g0|g1|g2|g21|i0|i1|ul|emp|mv|vw|sq|intsx|t_a|g0b}} set tablespace {{tsx|pg_default}}
alter table t set tablespace tsx, {{add column z int|add column z float default random()|alter a2 type bigint|add check (a > 0)|add unique (a2)|set (fillfactor = 50)|alter a set not null|set unlogged}}
alter table emp set tablespace tsx, {{add column z int|alter b type bigint|set unlogged|add unique (b)}}
alter table intsx set tablespace pg_default, set unlogged
alter index {{t_a|t_pkey|mv_id|g0b|g1_b_idx|i1a|emp_pkey|ref_u}} set tablespace {{tsx|pg_default}}
alter materialized view mv set tablespace {{tsx|pg_default}}
{{alter sequence sq set tablespace tsx}}
alter {{table|materialized view}} all in tablespace {{pg_default|tsx}} set tablespace {{tsx|pg_default}}
alter {{table|materialized view}} all in tablespace {{pg_default|tsx}} owned by {{postgres|pg_database_owner}} set tablespace {{tsx|pg_default}} nowait
create {{index|unique index}} on {{t(a)|p(id, d)|mv(a)|i0(a)}} tablespace tsx
create table zz{{(a int primary key) tablespace tsx|(a int primary key using index tablespace tsx)|(like t including all) tablespace tsx|(a int) partition by range (a) tablespace tsx}}
{{create table zz partition of g0 for values from (300) to (400) tablespace tsx}}
{{create table zz tablespace tsx as select * from t}}
{{create materialized view zz tablespace tsx as select * from t}}
alter table {{t|p|mv|i0}} add {{unique (id) using index tablespace tsx|unique (id, d) using index tablespace tsx|constraint k unique (a) using index tablespace tsx}}
reindex (tablespace tsx) {{table t|index t_a|table p|index g0b|table g0|table mv|table ul|table intsx|index intsxb|index mv_id|table emp}}
reindex (tablespace tsx) {{table concurrently t|index concurrently t_a|table concurrently g0|index concurrently g0b|schema s|schema concurrently s}}
reindex (tablespace pg_global) {{table t|index t_a}}
reindex (tablespace nowhere) {{table t|index t_a}}
alter table {{t|p|g0}} set tablespace {{nowhere|pg_global}}
drop tablespace {{tsx|if exists nowhere|nowhere}}
alter tablespace tsx {{set (random_page_cost = 2)|reset (random_page_cost)|owner to pg_database_owner|rename to tsy}}
comment on tablespace tsx is 'x'
grant create on tablespace tsx to public
{{vacuum full intsx}}
{{cluster intsx using intsxb}}
{{truncate intsx}}
alter table intsx {{alter b type varchar(10)|add column z float default random()|set unlogged}}
