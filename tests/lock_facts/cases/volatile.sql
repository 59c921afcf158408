-- Defaults that are volatile for what their text does not show

-- setup: create domain uid as uuid default gen_random_uuid(); create domain uid_over as uid; create domain five as int default 5; create function tok(len int, seed float8 default random()) returns text language sql immutable as 'select md5(seed::text)'; create type comp as (a int); create function ct_f(int) returns comp language plpgsql volatile as 'begin return row($1); end'; create cast (int as comp) with function ct_f(int) as assignment; create type comp2 as (a int); create function ct_s(int) returns comp2 language plpgsql stable as 'begin return row($1); end'; create cast (int as comp2) with function ct_s(int); create function op_v(int, int) returns int language plpgsql volatile as 'begin return $1; end'; create operator ### (leftarg = int, rightarg = int, function = op_v); create domain dcomp as comp
alter table t add column z uid
alter table t add column z uid_over
alter table t add column z uid not null
alter table t add column z uid default null
alter table t add column z uid default '00000000-0000-0000-0000-000000000000'
alter table t add column z uid[]
alter table t add column z five
alter table t add column z five not null
alter table p add column z uid
alter table t add column z text default tok(3)
alter table t add column z text default tok(len => 3)
alter table t add column z text default tok(3, 1)
alter table t add column z text default tok(3, random())
alter table t add column z comp default 5::comp
alter table t add column z comp default 5
alter table t add column z dcomp default 5::comp
alter table t add column z comp default '(5)'
alter table t add column z comp default '(5)'::comp
alter table t add column z comp[] default array[5]::comp[]
alter table t add column z comp2 default 5::comp2
alter table t add column z int default 1 ### 2
alter table t add column z int default 1 + 2
alter table t add column z {{timestamp|timestamptz|date}} default ({{now()|current_timestamp|transaction_timestamp()|statement_timestamp()|clock_timestamp()|localtimestamp|date_trunc('day', now())|(now() + interval '1 day')|current_time}} at time zone 'utc')

-- setup: create function writes(a int) returns int language plpgsql volatile as 'begin lock table ref in exclusive mode; return a; end'; create function given(a int, b int default writes(1)) returns int language plpgsql immutable as 'begin return a; end'; create function step(a int, b int) returns int language plpgsql volatile as 'begin lock table ref in exclusive mode; return a; end'; create aggregate locking(int) (sfunc = step, stype = int, initcond = '0'); create operator ### (leftarg = int, rightarg = int, function = step); create type comp as (a int); create function made(a int) returns comp language plpgsql volatile as 'begin lock table ref in exclusive mode; return row(a); end'; create cast (int as comp) with function made(int); create domain checked as int check (writes(value) > 0); create domain checked_over as checked; create temp table own(id int); insert into own values (1)
-- unseen
select given(1)
-- unseen
select locking(1)
-- unseen
select 1 ### 2
-- unseen
select 5::comp
-- unseen
select 1::checked
-- unseen
select '1'::checked_over
-- unseen
alter table own alter id type bigint using writes(id)
