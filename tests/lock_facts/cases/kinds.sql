-- Every subcommand of ALTER TABLE on every kind of relation

-- setup: create table g0(a int not null, b text, c int) partition by range (a); create table g1 partition of g0 for values from (0) to (100); create table g2 partition of g0 for values from (100) to (200) partition by range (a); create table g21 partition of g2 for values from (100) to (150); insert into g0 select g, 'x', g from generate_series(0, 149) g; create index g0c on g0(c); create table h0(a int not null, b text, c int); create table h1(d int) inherits (h0); create table h2() inherits (h1); insert into h0 select g, 'x', g from generate_series(0, 50) g; insert into h1 select g, 'x', g, g from generate_series(0, 50) g; insert into h2 select g, 'x', g, g from generate_series(0, 50) g; create index h0c on h0(c); create index h1c on h1(c); create table q0(a int not null, b text, c int); insert into q0 select g, 'x', g from generate_series(0, 50) g; create index q0c on q0(c); create view qv as select * from q0; create materialized view qm as select * from q0; create index qmc on qm(c); create sequence qs; create foreign data wrapper w; create server sv foreign data wrapper w; create foreign table qf(a int not null, b text, c int) server sv; create type qt as (a int, b text, c int); create unlogged table qu(a int not null, b text, c int); insert into qu select g, 'x', g from generate_series(1, 300) g
alter table {{g0|g1|g2|g21|h0|h1|h2|q0|qv|qm|qs|qf|qt|qu|qmc|q0c|g0c}} add column z int
alter table {{g0|g1|g2|h0|h1|h2|q0|qv|qm|qf|qu}} add column {{z int default 1|z int not null default 1|z int generated always as (a * 2) stored|z int generated always as identity|z serial|z int check (z > 0)|z int default 5 check (z > 0)|z float default random()|z int default f_vol(1)|z int default f_imm(1)|z dom_chk|z dom_plain|z dom_nn default 'a'|z text collate "C"|z timestamptz default now()|z mood default 'ok'|z int[] default '{}'|if not exists c int|if not exists z int|z varchar(5) default 'abc'|z int default null|z dom_chk default 'a' not null|z int constraint nn not null default 3}}
alter table {{g0|h0|h1|q0|qf|qu}} add column z int {{unique|primary key|references ref|references ref(id) on delete cascade|default 1 references ref|default 1 unique}}
alter table {{g0|g1|h0|h1|q0|qf}} add column z int, {{add column y int default 1|add column y float default random()|drop column b|alter column c set default 4|alter column c set not null|add check (z > 1)|add check (c >= 0)}}
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qv|qm|qs|qf|qu|q0c}} alter column {{c|b}} {{set default null|drop default|set not null|drop not null|set statistics 100|set statistics -1|set storage plain|set storage extended|set (n_distinct = 5)|reset (n_distinct)|set compression pglz|set compression default}}
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qv|qm|qf|qu|qt}} alter column {{a|b|c}} type {{bigint|text|varchar|int}}
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qv|qm|qf|qu|qt}} drop column {{a|b|c|if exists nope}}
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qv|qm|qf|qu|qt}} drop column {{b|c}} cascade
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qv|qm|qf|qu|qt}} rename column {{b|a}} to zz
alter {{table|view|materialized view|sequence|foreign table|index|type}} {{g0|g1|h0|q0|qv|qm|qs|qf|qu|qt|q0c|g0c|qmc}} rename to zz
alter {{table|view|materialized view|sequence|foreign table|type}} {{g0|g1|h0|q0|qv|qm|qs|qf|qu|qt}} set schema public
alter {{table|view|materialized view|sequence|foreign table|index|type}} {{g0|g1|h0|q0|qv|qm|qs|qf|qu|qt|q0c}} owner to {{postgres|pg_database_owner}}
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qf|qu|qv|qm}} add constraint k {{check (c >= 0)|check (c >= 0) not valid|check (c >= 0) no inherit|check (b is not null)}}
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qf|qu|qv|qm}} add constraint k {{not null c|not null c no inherit|not null c not valid|not null a}}
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qf|qu|qv|qm}} add constraint k {{unique (a)|unique (a) include (c)|primary key (a)|unique (c)|exclude (a with =)|unique (a) deferrable initially deferred}}
alter table {{|only }}{{g0|g1|g2|h0|h1|h2|q0|qf|qu|qv|qm}} add constraint k foreign key (c) references {{ref|t|g0|nope}}{{| not valid}}
alter table {{|only }}{{g0|g1|g2|g21|h0|h1|h2|q0|qv|qm|qs|qf|qu|q0c}} {{disable trigger all|enable trigger user|disable trigger nope|enable row level security|disable row level security|force row level security|no force row level security|replica identity full|replica identity nothing|replica identity default|replica identity using index q0c|set (fillfactor = 70)|set (autovacuum_enabled = false)|reset (fillfactor)|set (toast.autovacuum_enabled = false)|set (parallel_workers = 2)|set without cluster|cluster on q0c|set without oids|set logged|set unlogged|set tablespace pg_default|set access method heap|set access method default|not of|owner to postgres|owner to pg_database_owner|disable rule nope}}
alter table {{h0|h1|h2|q0|g0|g1|qu|qf}} {{inherit h0|inherit q0|no inherit h0|no inherit h1|no inherit g0|of qt|inherit qu}}
alter {{view|materialized view|foreign table|sequence|index}} {{qv|qm|qf|qs|q0c|g0c|q0}} {{set (fillfactor = 80)|reset (fillfactor)|set (security_barrier)|set (security_invoker)|set (check_option = local)|alter column c set default 1|alter column c set statistics 10|set tablespace pg_default|cluster on qmc|set without cluster|set access method heap|set unlogged|set logged|options (add x '1')}}
alter index {{q0c|g0c|qmc|h1c|g1_c_idx}} {{alter column 1 set statistics 5|set tablespace pg_default|set (fillfactor = 70)|reset (fillfactor)|rename to zz|no depends on extension plpgsql|depends on extension plpgsql}}
alter {{table|index}} all in tablespace pg_default set tablespace pg_default
drop {{table|view|materialized view|sequence|foreign table|index|type}} {{g0|g1|g2|g21|h0|h1|h2|q0|qv|qm|qs|qf|qt|qu|q0c|g0c|qmc|h1c|g1_c_idx}}{{| cascade}}
truncate {{|only }}{{g0|g1|g2|g21|h0|h1|h2|q0|qv|qm|qs|qf|qu}}{{| cascade| restart identity}}
lock table {{|only }}{{g0|g1|g2|h0|h1|q0|qv|qm|qs|qf|qu}} in {{access share|row share|row exclusive|share update exclusive|share|share row exclusive|exclusive|access exclusive}} mode{{| nowait}}
create index {{on|on only|if not exists q0c on|zz on}} {{g0|g1|g2|h0|h1|q0|qv|qm|qf|qu}} {{(c)|(a, c)|using hash (c)|((c + 1))|(c) where a > 1|(c) include (b)|(c desc nulls last)|(b text_pattern_ops)|(nope)}}
create unique index on {{g0|g1|g2|h0|h1|q0|qm|qf|qu}} {{(a)|(a, c)|((c + 1))|(c) where a > 1}}
create index concurrently on {{|only }}{{g0|g1|h0|h1|q0|qm|qu}} (c)
create trigger tg {{after|before|instead of}} {{insert|insert or update of b or delete|truncate}} on {{g0|g1|g2|h0|h1|q0|qv|qm|qf|qu}} for each {{row|statement}} execute function trg()
create constraint trigger tg after insert on {{g0|g1|h0|q0|qv|qf}} deferrable for each row execute function trg()
create policy po on {{g0|g1|h0|q0|qv|qm|qf|qu}} {{using (a > 0)|for insert with check (c in (select id from ref))|to public using (true)|as restrictive for select using (b = current_user)}}
create rule ru as on {{insert|update|delete|select}} to {{g0|h0|q0|qv|qm|qf}} do {{also|instead}} {{nothing|notify x|insert into ref(id) values (1)|select 1}}
create statistics st on a, c from {{g0|g1|h0|q0|qv|qm|qf|qu}}
create statistics st (ndistinct) on (c + 1), a from {{g0|g1|h0|q0|qm|qf}}
create publication pb for table {{|only }}{{g0|g1|h0|h1|q0|qv|qm|qf|qu|qs}}{{| where (a > 0)| (a, c)}}
create table zz ({{|a9 int, }}like {{g0|g1|h0|h1|q0|qv|qm|qs|qf|qt}}{{| including all| including indexes}})
create {{table|unlogged table|materialized view|view}} zz as select * from {{g0|g1|h0|h1|q0|qv|qm|qu}}{{| where a = 5| with no data}}
create table zz () inherits ({{g0|g1|h0|h1|q0|qv|qm|qf|qu}})
create table zz partition of {{g0|g1|g2|h0|q0}} {{for values from (150) to (160)|for values from (300) to (400)|default|for values in (5)}}
comment on {{table|view|materialized view|sequence|foreign table|index|type|column}} {{g0|g1|h0|q0|qv|qm|qs|qf|qt|q0c|q0.a|qv.a|qt.a|g0.c|qm.c|qf.c}} is 'x'
grant {{select|all|insert (a)|select (a), update (b)|usage}} on {{|table |sequence }}{{g0|g1|h0|q0|qv|qm|qs|qf|qu}} to public
revoke all on {{g0|g1|h0|q0|qv|qm|qs|qf}} from public{{| cascade}}
{{analyze|vacuum|vacuum full|vacuum (analyze)|vacuum freeze}} {{g0|g1|h0|h1|q0|qm|qu}}
{{analyze|vacuum (analyze)}} {{qv|qf|qs}}
{{vacuum|vacuum full|vacuum freeze}} {{qv|qf|qs}}
{{analyze|vacuum analyze}} {{g0|h0|q0}} (c)
reindex {{table|index|table concurrently|index concurrently}} {{g0|g1|h0|h1|q0|qv|qm|q0c|g0c|qmc|g1_c_idx|h1c|qf}}
cluster {{g0|g1|h0|q0|qv|qm|qf}}{{| using q0c| using g0c| using g1_c_idx| using qmc| using h0c}}
refresh materialized view {{|concurrently }}{{qm|mv|q0|qv}}{{| with no data}}
select * from {{g0|g1|g2|h0|h1|q0|qv|qm|qs|qu}}{{| where a = 5| for update| for share}}
{{update|delete from|update only|delete from only}} {{g0|g1|g2|h0|h1|q0|qv|qu}} {{|set b = 'y'|where a = 5|set b = 'y' where a = 5|set c = 4 where b = 'x'}}
insert into {{g0|g2}} values (120, 'x', 1)
-- less
insert into {{g0|g2}} select a, b, c from q0 where a < 10
insert into {{g1|h0|h1|q0|qv|qu|qm}} {{values (120, 'x', 1)|select a, b, c from q0 where a < 10|default values}}
copy {{g0|g1|h0|q0|qv|qm|qu|(select * from q0)}} to '/dev/null'
-- less
copy g0 from '/dev/null'
-- less
copy g1 from '/dev/null'
copy {{h0|q0|qv|qu}} from '/dev/null'
