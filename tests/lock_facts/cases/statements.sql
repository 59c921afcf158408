-- Every other kind of statement

-- setup: create view v1 as select a, b from t; create view v2 as select * from v1; create materialized view m2 as select a from v1; create function ff(int) returns int language sql immutable as 'select $1 + 1'; create table dep(a int, b int default f_imm(1), c int generated always as (f_imm(3)) stored, d dom_chk, e mood, constraint ck check (f_imm(a) >= 0)); insert into dep(a) select generate_series(1, 20); create index dep_ff on dep (ff(a)); create index dep_e on dep (e); create type comp as (x int, y text); create table tcomp of comp; create table hascomp(c comp); create table hasarr(c mood[], d dom_chk[]); insert into hascomp values (row(1,'a')); insert into hasarr values ('{ok}', '{a}'); create table other(id int references ref(id), t_id int references t(id)); create trigger tt before insert on dep for each row execute function trg(); create trigger tu after update of a on t for each row when (old.b is distinct from new.b) execute function trg(); create rule ru as on delete to other do also notify x; create policy po on t to pg_monitor using (a > 0 and exists (select from ref)); create statistics st on a, b from dep; create publication pub for table t, ref; create publication pall for all tables; create sequence owned owned by dep.a; create collation cc from "C"; create domain dd as dom_chk check (value <> 'y'); create table hasdd(a dd); insert into hasdd values ('a'); create operator === (leftarg = int, rightarg = int, function = int4eq); create aggregate agg(int) (sfunc = int4pl, stype = int); create procedure pr() language sql as 'insert into ref values (1000)'; create schema s2; create table s2.in2(a int); create text search configuration tc (copy = simple); create text search dictionary td (template = simple); create foreign data wrapper fw; create server fsv foreign data wrapper fw; create foreign table ft(a int) server fsv; create user mapping for pg_monitor server fsv; create table refcol(a text collate cc); insert into refcol values ('a'); create index refcol_a on refcol(a); create table parted(a int, b mood) partition by list (b); create table parted1 partition of parted for values in ('ok'); insert into parted values (1, 'ok'); create sequence unl
drop {{view|materialized view|table|sequence|function|aggregate|procedure|type|domain|index|trigger|rule|policy|statistics|publication|collation|operator|schema|text search configuration|text search dictionary|foreign table|user mapping for pg_monitor server|cast|routine}} {{v1|v2|m2|dep|other|ref|t|owned|ff(int)|f_imm(int)|trg()|agg(int)|pr()|comp|mood|dom_chk|dom_plain|dd|dep_ff|tt on dep|tu on t|ru on other|po on t|st|pub|cc|=== (int, int)|s2|tc|td|ft|fsv|fw|hascomp|tcomp|parted|hasarr}}{{| cascade| restrict}}
drop {{view|table|function|type|trigger|index|schema|sequence|publication|statistics|policy}} if exists {{nope|nope on t|nope on nope|nope()|t}}
alter {{function|routine|procedure|aggregate}} {{ff(int)|f_imm(int)|pr()|agg(int)|trg()}} {{rename to zz|set schema public|owner to pg_database_owner|volatile|stable|immutable|security definer|cost 5|set work_mem = '1MB'|reset all|depends on extension plpgsql|parallel safe|strict}}
alter type {{comp|mood}} {{rename to zz|set schema public|owner to pg_database_owner|add value 'z'|add value if not exists 'ok'|add value 'z' before 'ok'|add value 'z' after 'happy'|rename value 'ok' to 'z'|rename value 'nope' to 'z'|add attribute z int|add attribute z int cascade|drop attribute x|drop attribute x cascade|drop attribute if exists nope|alter attribute x type bigint|alter attribute x type bigint cascade|alter attribute y type varchar cascade|rename attribute x to z|rename attribute x to z cascade}}
alter domain {{dom_chk|dom_plain|dom_nn|dd}} {{rename to zz|set schema public|owner to pg_database_owner|set default 'q'|drop default|set not null|drop not null|add check (value <> 'q')|add constraint zz check (value <> 'q') not valid|add constraint zz check (length(value) < 100)|drop constraint if exists nope|drop constraint dom_chk_check|validate constraint dom_chk_check|validate constraint dd_check|rename constraint dom_chk_check to zz}}
alter trigger {{tt on dep|tu on t|nope on t}} {{rename to zz|depends on extension plpgsql|no depends on extension plpgsql}}
alter table {{dep|t}} {{enable|disable|enable always|enable replica}} trigger {{tt|tu|all|user}}
alter rule ru on other rename to zz
alter table other {{disable|enable|enable always|enable replica}} rule ru
alter policy po on t {{rename to zz|to public|using (true)|with check (a > 1)|using (b in (select u from ref))}}
alter statistics st {{rename to zz|set schema public|owner to pg_database_owner|set statistics 100}}
alter publication pub {{rename to zz|owner to pg_database_owner|set (publish = 'insert')|add table dep|set table dep|set table t|drop table t|add tables in schema s2|set tables in schema s2|add table dep (a)|add table dep where (a > 1)|drop table dep}}
alter sequence {{owned|sq}} {{restart|restart with 5|increment 2|maxvalue 100|no maxvalue|cache 5|cycle|as smallint|owned by none|owned by dep.b|owned by t.a|rename to zz|set schema public|owner to pg_database_owner|set unlogged|set logged|start 7}}
alter sequence {{if exists nope restart|unl set logged|unl set unlogged|t restart|sq owned by nope.a}}
alter collation cc {{rename to zz|set schema public|owner to pg_database_owner|refresh version}}
alter operator === (int, int) {{owner to pg_database_owner|set schema public|set (restrict = eqsel)}}
alter text search configuration tc {{rename to zz|set schema public|alter mapping for asciiword with simple|drop mapping for asciiword|owner to pg_database_owner}}
alter text search dictionary td {{rename to zz|set schema public|(stopwords)|owner to pg_database_owner}}
alter schema {{s2|s}} {{rename to zz|owner to pg_database_owner}}
alter server fsv {{options (add host 'x')|rename to zz|version '2'|owner to postgres}}
alter foreign data wrapper fw {{options (add host 'x')|rename to zz|no validator}}
alter foreign table ft {{add column z int|drop column a|alter column a type bigint|alter column a set not null|alter column a options (add x '1')|options (add x '1')|rename column a to z|add check (a > 0)|add constraint c check (a > 0) not valid|disable trigger all|alter column a set default 4|set schema public|owner to postgres|inherit ref|alter column a set statistics 4|set without oids|rename to zz}}
alter user mapping for pg_monitor server fsv options (add user 'x')
alter materialized view m2 {{rename to zz|set schema s2|owner to pg_database_owner|set (fillfactor = 50)|alter column a set statistics 5|rename column a to z|set tablespace pg_default|set access method heap|depends on extension plpgsql|cluster on nope}}
alter view {{v1|v2}} {{rename to zz|set schema s2|owner to pg_database_owner|set (security_barrier = true)|reset (security_barrier)|alter column a set default 5|alter column a drop default|rename column a to z}}
alter default privileges {{grant select on tables to public|in schema s grant all on tables to public|revoke execute on functions from public}}
-- fails
alter large object 12345 owner to postgres
alter system set work_mem = '5MB'
alter role pg_monitor {{set work_mem = '1MB'|connection limit 5}}
alter database postgres {{set work_mem = '1MB'|connection limit 50|owner to postgres}}
alter extension plpgsql {{update|set schema public|add table dep|drop table dep|add function ff(int)|add view v1|add sequence sq|add type comp}}
create {{view|or replace view|temp view|recursive view}} {{zz (a)|v1|v2 (a, b)}} as {{select 1|select a, b from t|select a, b from t where a > 1|select a from t join ref on ref.id = t.a}}
create {{table|temp table|unlogged table}} {{zz|if not exists zz|t|if not exists t}} {{(a int)|(a int primary key, b text unique)|(a int references ref(id))|(a int references ref)|(a int references t(id) on delete cascade, b int references ref)|(a serial)|(a int generated always as identity)|(a mood, b dom_chk, c comp)|of comp|(like dep)|(like dep including all)|(a int check (a > 0)) partition by range (a)|as select * from t|as select * from v2 with no data|as execute nope|() inherits (ref)|(z int) inherits (t, ref)|(a int, foreign key (a) references zz)|(a nope)|(a int default nextval('sq'))|(a int default ff(1))|(a text collate cc)|(constraint c exclude (a with =), a int)|using heap as select 1 as a}}
create table zz partition of {{parted|p}} {{for values in ('sad')|default|for values from ('2025-01-01') to ('2026-01-01')|for values in ('ok')}}{{| partition by list (b)| (a check (a > 0))}}
create {{|unique }}index {{|if not exists }}{{zz|dep_ff|t_a}} on {{dep|t}} {{(a)|using hash (a)|(ff(a))|((a + 1))|(a) where ff(a) > 1|(a) include (b)|(nope)|(f_vol(a))}}
create {{|unique }}index concurrently {{|if not exists zz }}on {{dep|t|p|v1|m2}} (a)
create materialized view {{zz|if not exists zz|m2|if not exists m2}} as {{select * from v2|select 1 as a|select * from m2|select f_vol(1)|select a from t with no data}}
create {{|or replace }}trigger {{zz|tt}} {{before insert|after update of a|after insert or delete}} on {{dep|ref|p}} for each {{row|statement}} execute function trg()
create trigger zz after insert on dep referencing new table as n for each statement execute function trg()
create constraint trigger zz after insert on dep from ref initially deferred for each row execute function trg()
create {{|or replace }}rule {{zz|ru}} as on {{delete|update|insert}} to {{other|v1}} {{where old.t_id > 1 |}}do {{|instead |also }}{{nothing|notify y|delete from ref where id = 3}}
create {{sequence|temp sequence|unlogged sequence}} {{zz|if not exists zz|sq|if not exists sq}}{{| as smallint| owned by dep.a| owned by none| start 5 increment 2}}
create {{|or replace }}function {{zz()|ff(int)}} returns {{int|void|setof t|t|table(a int)|trigger}} language {{sql as 'select 1'|sql as 'select count(*)::int from t'|plpgsql as 'begin perform 1 from t; return null; end'|sql as 'delete from ref'|sql as 'select * from t'|sql begin atomic select a from t; end|sql return (select max(a) from t)}}
create {{|or replace }}procedure {{zz()|pr()}} language {{sql as 'delete from ref where id = 1'|plpgsql as 'begin commit; end'|sql begin atomic delete from ref; end}}
create aggregate {{zz(int)|agg(int)}} (sfunc = {{int4pl|ff}}, stype = int)
create type {{zz|comp|mood}} as {{(a int, b mood)|enum ('a', 'b')|range (subtype = int4)}}
create domain {{zz|comp|mood}} as {{text|text check (value <> '')|int default 5 not null|mood|dom_chk|text collate "C"}}
create cast ({{int as mood) with inout as assignment|comp as text) with inout|mood as int) without function}}
create {{collation zz from "C"|collation if not exists cc from "C"|conversion zz for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1|operator ==== (leftarg = int, rightarg = int, function = int4eq)|operator class zz for type int using btree as operator 3 =, function 1 btint4cmp(int, int)|operator family zz using btree|text search configuration zz (copy = simple)|text search dictionary zz (template = simple)|transform for int language sql (from sql with function pg_catalog.int4_sum(bigint, int))|access method zz type index handler bthandler|language zz handler plpgsql_call_handler|event trigger zz on ddl_command_end execute function trg()}}
create {{role zz|user zz|group zz|schema zz|schema if not exists s|schema authorization pg_monitor|schema s|server zz foreign data wrapper fw|foreign data wrapper zz|foreign table zz (a int) server fsv|user mapping for public server fsv|extension if not exists plpgsql|statistics zz on a, b from dep|statistics if not exists st on a, b from dep|statistics (mcv) on (a + 1) from dep}}
create policy {{zz|po}} on {{t|dep|parted|v1}} {{using (true)|for insert with check (a > 1)|for all to public using (exists (select 1 from dep where dep.a = 1))}}
create publication {{zz|pub}} {{|for table t|for table t, dep|for table only t|for all tables|for tables in schema s|for table parted|for table t (id, a)|for table t where (id > 5)|for table v1|with (publish = 'insert')}}
create subscription zz connection 'dbname=nope' publication x with (connect = false, slot_name = none)
comment on {{table t|column t.a|view v1|materialized view m2|index dep_ff|sequence sq|type comp|type mood|domain dom_chk|function ff(int)|aggregate agg(int)|procedure pr()|schema s2|trigger tt on dep|rule ru on other|policy po on t|constraint ck on dep|constraint dom_chk_check on domain dom_chk|statistics st|publication pub|collation cc|operator === (int, int)|text search configuration tc|text search dictionary td|foreign table ft|server fsv|foreign data wrapper fw|role pg_monitor|database postgres|extension plpgsql|language plpgsql|column v1.a|column m2.a|column comp.x|cast (text as int)|tablespace pg_default|access method heap|large object 5|table nope|column t.nope|trigger nope on t|constraint nope on dep}} is {{'x'|null}}
{{grant|revoke}} {{select on t, dep|insert (a) on dep|all on all tables in schema s|usage on schema s|usage on sequence sq|select on sq|execute on function ff(int)|usage on type mood|usage on domain dom_chk|create on database postgres|usage on foreign server fsv|usage on language plpgsql|select on v1|select on m2|all on all sequences in schema s|all on all functions in schema s|trigger on t|references (id) on ref|maintain on t|create on tablespace pg_default|select (a), update (b) on dep|select on nope|pg_read_all_data}} {{to|from}} public
{{grant|revoke}} {{pg_read_all_data to pg_monitor|pg_read_all_data from pg_monitor}}
{{reassign owned by pg_monitor to postgres|drop owned by pg_monitor|drop owned by pg_monitor cascade|drop role if exists nope|drop tablespace if exists nope|drop database if exists nope|drop subscription if exists nope|drop extension if exists nope|drop event trigger if exists nope|drop language if exists nope|drop access method if exists nope}}
{{begin|savepoint x|set work_mem = '1MB'|set local work_mem = '1MB'|reset work_mem|show work_mem|set constraints all deferred|set constraints all immediate|set session authorization postgres|set role postgres|discard plans|listen x|unlisten *|notify x|load 'plpgsql'|checkpoint|deallocate all|close all}}
prepare zz as {{select * from t|delete from ref|select * from v2|insert into ref values (2000)|update t set a2 = 1 where id = 2}}
declare zz cursor for {{select * from t|select * from v2|select * from parted|values (1)}}
explain {{|(analyze) |analyze |(analyze false) |(verbose, costs off) }}{{select * from t|delete from dep|select * from v2|create table zz as select * from t|insert into dep(a) values (1)|update dep set b = 3|refresh materialized view m2}}
do $$ begin {{null;|perform 1;|update dep set b = 1;|alter table dep add column z int;|execute 'drop table dep';|if true then alter table dep add check (a > 0); end if;|create table zz(a int); alter table zz add column b int;|raise notice 'x';|alter table other drop constraint other_id_fkey;}} end $$
-- more
call pr()
with {{x as (select * from t)|x as (delete from dep returning a)|x as (insert into ref values (3000) returning id)|recursive x as (select 1 as a union all select a + 1 from x where a < 3)}} {{select * from x|insert into ref(id) select 4000 from x limit 1|delete from dep where a in (select 1 from x)}}
select * from {{dep join ref on ref.id = dep.a|t, v2|only parted|dep where exists (select 1 from ref where ref.id = dep.a)|(select * from v1) q|lateral (select * from ref) q|generate_series(1, 3) g|m2 union select id from ref|rows from (generate_series(1, 2)) x}}
select {{nextval('sq')|currval('sq')|setval('sq', 5)|lastval()|pg_get_serial_sequence('t', 'id')|pg_relation_size('t')|count(*) from pg_class|ff(1)|f_imm(1)|case when exists (select from ref) then 1 end|t from t|set_config('work_mem', '1MB', true)|pg_advisory_xact_lock(1)|lo_create(0)}}
select a into {{zz|temp zz}} from {{dep|v1}}
-- less
values (1), ((select max(id) from ref))
-- less
select {{max(a)|min(id)}} from t
table {{dep|v1|parted}}
merge into dep using ref on ref.id = dep.a when {{matched then update set b = 1|matched then delete|not matched then insert (a) values (ref.id)|matched then do nothing}}
-- less
insert into other(id) {{values (null)|select null}}
insert into {{dep(a)|parted(b)|v1(a)|hascomp|hasdd|refcol}} {{values (null)|select null|default values|values (null) on conflict do nothing|values (null) returning *}}
update {{dep|v1|parted|only parted|parted1|other}} set {{a = 1|b = null|t_id = 3|b = 'ok', a = 4}}{{| where a = 3}}
-- less
update {{dep|parted|v1}} set a = 1 where false
delete from {{dep|v1|parted|parted1|other}}{{| where id = 399| where a = 3| using ref where ref.id = 5}}
-- less
delete from {{ref|t}}{{| where id = 399}}
truncate {{dep|dep, other|t|ref|t cascade|ref cascade|parted|parted1|only dep|dep restart identity|dep continue identity|s2.in2, dep|v1|ft|m2}}
lock {{dep|dep, other|v2|v1 in share mode|only parted in exclusive mode|dep nowait|m2|sq|ft}}
-- less
copy {{parted1|other}} from '/dev/null'
copy {{dep to '/dev/null'|dep (a) to '/dev/null'|(select * from v2) to '/dev/null'|dep from '/dev/null'|v1 to '/dev/null'|m2 to '/dev/null'|t to '/dev/null' with (format csv)}}
{{analyze|vacuum|vacuum (full)|vacuum (freeze, analyze)|vacuum (index_cleanup off)|vacuum (truncate false)|analyze (skip_locked)|vacuum (only_database_stats)|vacuum (parallel 2)}} {{dep|m2|parted|dep, other}}
{{analyze|vacuum|vacuum (full)|vacuum (freeze, analyze)|vacuum (index_cleanup off)|vacuum (truncate false)|analyze (skip_locked)|vacuum (only_database_stats)|vacuum (parallel 2)}} v1
{{analyze|analyze verbose|cluster|reindex schema s2|reindex (verbose) table dep|reindex table concurrently dep|reindex index concurrently dep_ff|reindex index dep_ff|reindex table parted|reindex schema concurrently s2|vacuum}}
refresh materialized view {{m2|concurrently m2|m2 with no data|concurrently mv|mv}}
-- fails
import foreign schema x from server fsv into s
-- less
select * from dep tablesample system (50)
drop {{server fsv|foreign data wrapper fw}}
