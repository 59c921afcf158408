-- Extensions and their members; what is created within CREATE SCHEMA

-- setup: create extension hstore; create extension pg_trgm; create extension pg_stat_statements; create schema s8
drop extension hstore
drop extension pg_trgm cascade
drop extension pg_stat_statements
drop extension if exists pg_stat_statements, hstore
drop extension citext
drop extension if exists citext
alter extension pg_stat_statements set schema s
alter extension pg_stat_statements set schema s8
alter extension hstore set schema s8

-- setup: create extension pg_stat_statements; create view busy as select query from pg_stat_statements
drop extension pg_stat_statements

-- setup: create extension hstore; alter table t add column tags hstore
drop extension hstore

-- setup: 
create schema z1 create table a (id int primary key) create index on a (id)
create schema z1 create table a (id int references ref (id)) create view v as select * from a
create schema z1 create view v as select count(*) from b create table b (id int)
create schema z1 create view v as select * from t
create schema z1 create sequence q create table b (id int default nextval('z1.q'))
create schema z1 create table c (like t including all)
-- fails
create schema z1 create table s.c (id int)
create schema s create table c (id int)
