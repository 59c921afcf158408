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
