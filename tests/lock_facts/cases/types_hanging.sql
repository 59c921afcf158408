-- Changes of type under what hangs on the column: indexes, checks, keys, USING, collations

-- setup: create type comp as (a int); create table ty(id int primary key, "smallint" smallint, "integer" integer, "bigint" bigint, "oid" oid, "regclass" regclass, "numeric" numeric, "numeric(10,2)" numeric(10,2), "numeric(12,2)" numeric(12,2), "numeric(12,4)" numeric(12,4), "numeric(8,2)" numeric(8,2), "real" real, "double precision" double precision, "money" money, "text" text, "varchar" varchar, "varchar(10)" varchar(10), "varchar(20)" varchar(20), "varchar(5)" varchar(5), "char(10)" char(10), "char(20)" char(20), "'char'" "char", "name" name, "bytea" bytea, "date" date, "timestamp" timestamp, "timestamp(3)" timestamp(3), "timestamp(0)" timestamp(0), "timestamptz" timestamptz, "timestamptz(3)" timestamptz(3), "timestamptz(6)" timestamptz(6), "time" time, "time(3)" time(3), "timetz" timetz, "timetz(3)" timetz(3), "interval" interval, "interval(3)" interval(3), "interval year to month" interval year to month, "interval day to second(3)" interval day to second(3), "boolean" boolean, "bit(5)" bit(5), "bit(8)" bit(8), "varbit" varbit, "varbit(5)" varbit(5), "varbit(10)" varbit(10), "inet" inet, "cidr" cidr, "macaddr" macaddr, "macaddr8" macaddr8, "uuid" uuid, "json" json, "jsonb" jsonb, "xml" xml, "mood" mood, "dom_plain" dom_plain, "dom_chk" dom_chk, "point" point, "int4range" int4range, "int8range" int8range, "tsvector" tsvector, "tid" tid, "xid" xid, "integer[]" integer[], "bigint[]" bigint[], "text[]" text[], "varchar[]" varchar[], "varchar(10)[]" varchar(10)[], "varchar(20)[]" varchar(20)[], "numeric(10,2)[]" numeric(10,2)[], "comp" comp, "bpchar" bpchar, "regproc" regproc, "regtype" regtype, "interval(0)" interval(0)); insert into ty(id) select generate_series(1,20)
alter table ty alter "integer" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "integer"{{|::text|::integer}}
alter table ty alter "bigint" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "bigint"{{|::text|::bigint}}
alter table ty alter "numeric(10,2)" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "numeric(10,2)"{{|::text|::numeric(10,2)}}
alter table ty alter "text" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "text"{{|::text|::text}}
alter table ty alter "varchar(10)" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "varchar(10)"{{|::text|::varchar(10)}}
alter table ty alter "varchar" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "varchar"{{|::text|::varchar}}
alter table ty alter "timestamp" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "timestamp"{{|::text|::timestamp}}
alter table ty alter "timestamptz" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "timestamptz"{{|::text|::timestamptz}}
alter table ty alter "timestamptz(3)" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "timestamptz(3)"{{|::text|::timestamptz(3)}}
alter table ty alter "cidr" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "cidr"{{|::text|::cidr}}
alter table ty alter "bit(5)" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "bit(5)"{{|::text|::bit(5)}}
alter table ty alter "varbit(5)" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "varbit(5)"{{|::text|::varbit(5)}}
alter table ty alter "xml" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "xml"{{|::text|::xml}}
alter table ty alter "mood" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "mood"{{|::text|::mood}}
alter table ty alter "dom_plain" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "dom_plain"{{|::text|::dom_plain}}
alter table ty alter "dom_chk" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "dom_chk"{{|::text|::dom_chk}}
alter table ty alter "integer[]" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "integer[]"{{|::text|::integer[]}}
alter table ty alter "oid" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "oid"{{|::text|::oid}}
alter table ty alter "timestamp(3)" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "timestamp(3)"{{|::text|::timestamp(3)}}
alter table ty alter "date" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "date"{{|::text|::date}}
alter table ty alter "name" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "name"{{|::text|::name}}
alter table ty alter "char(10)" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "char(10)"{{|::text|::char(10)}}
alter table ty alter "varchar(10)[]" type {{integer|text|varchar(10)|varchar(20)|timestamp|timestamptz|inet|dom_plain|dom_chk|numeric(12,2)|oid|varbit(10)}} using "varchar(10)[]"{{|::text|::varchar(10)[]}}
alter table ty alter "integer" type {{integer|bigint|text}} using {{null|1|id|"integer"|"integer" + 0|"bigint"|coalesce("integer", 0)|("integer")|f_vol(id)|nextval('sq')}}
alter table ty alter {{text|varchar|"varchar(10)"|name|"char(10)"|dom_plain|"text[]"}} type {{text|varchar(20)|varchar|dom_plain|text[]|name}} collate {{"C"|"POSIX"|"default"|"ucs_basic"}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain); insert into ty(id) select generate_series(1,20); create index on ty("varchar(10)"); create index on ty("integer"); create index on ty("numeric(10,2)"); create index on ty("timestamp(3)"); create index on ty(cidr); create index on ty(text); create index on ty("varbit(5)"); create index on ty(oid); create index on ty("varchar(10)[]"); create index on ty(mood); create index on ty(dom_plain)
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain); insert into ty(id) select generate_series(1,20); alter table ty add unique ("varchar(10)"); alter table ty add unique ("integer"); alter table ty add unique ("numeric(10,2)"); alter table ty add unique ("timestamp(3)"); alter table ty add unique (cidr); alter table ty add unique (text); alter table ty add unique ("varbit(5)"); alter table ty add unique (oid); alter table ty add unique ("varchar(10)[]"); alter table ty add unique (mood); alter table ty add unique (dom_plain)
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain); insert into ty(id) select generate_series(1,20); create index on ty(id, "varchar(10)"); create index on ty("varchar(10)") include (id); create index on ty(id, "integer"); create index on ty("integer") include (id); create index on ty(id, "numeric(10,2)"); create index on ty("numeric(10,2)") include (id); create index on ty(id, "timestamp(3)"); create index on ty("timestamp(3)") include (id); create index on ty(id, cidr); create index on ty(cidr) include (id); create index on ty(id, text); create index on ty(text) include (id); create index on ty(id, "varbit(5)"); create index on ty("varbit(5)") include (id); create index on ty(id, oid); create index on ty(oid) include (id); create index on ty(id, "varchar(10)[]"); create index on ty("varchar(10)[]") include (id); create index on ty(id, mood); create index on ty(mood) include (id); create index on ty(id, dom_plain); create index on ty(dom_plain) include (id)
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); create index on ty(id) where "varchar(10)" is not null; create index on ty(id) where "integer" is not null; create index on ty(id) where "numeric(10,2)" is not null; create index on ty(id) where "timestamp(3)" is not null; create index on ty(id) where cidr is not null; create index on ty(id) where text is not null; create index on ty(id) where "varbit(5)" is not null; create index on ty(id) where oid is not null; create index on ty(id) where "varchar(10)[]" is not null; create index on ty(id) where mood is not null; create index on ty(id) where dom_plain is not null; create index on ty(id) where xml is not null
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); create index on ty(id) include ("varchar(10)"); create index on ty(id) include ("integer"); create index on ty(id) include ("numeric(10,2)"); create index on ty(id) include ("timestamp(3)"); create index on ty(id) include (cidr); create index on ty(id) include (text); create index on ty(id) include ("varbit(5)"); create index on ty(id) include (oid); create index on ty(id) include ("varchar(10)[]"); create index on ty(id) include (mood); create index on ty(id) include (dom_plain); create index on ty(id) include (xml)
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); create index on ty(("varchar(10)" is null)); create index on ty(("integer" is null)); create index on ty(("numeric(10,2)" is null)); create index on ty(("timestamp(3)" is null)); create index on ty((cidr is null)); create index on ty((text is null)); create index on ty(("varbit(5)" is null)); create index on ty((oid is null)); create index on ty(("varchar(10)[]" is null)); create index on ty((mood is null)); create index on ty((dom_plain is null)); create index on ty((xml is null))
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain); insert into ty(id) select generate_series(1,20); create index on ty("varchar(10)" desc nulls last); create index on ty("integer" desc nulls last); create index on ty("numeric(10,2)" desc nulls last); create index on ty("timestamp(3)" desc nulls last); create index on ty(cidr desc nulls last); create index on ty(text desc nulls last); create index on ty("varbit(5)" desc nulls last); create index on ty(oid desc nulls last); create index on ty("varchar(10)[]" desc nulls last); create index on ty(mood desc nulls last); create index on ty(dom_plain desc nulls last)
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); alter table ty add check ("varchar(10)" is not null or id > 0); alter table ty add check ("integer" is not null or id > 0); alter table ty add check ("numeric(10,2)" is not null or id > 0); alter table ty add check ("timestamp(3)" is not null or id > 0); alter table ty add check (cidr is not null or id > 0); alter table ty add check (text is not null or id > 0); alter table ty add check ("varbit(5)" is not null or id > 0); alter table ty add check (oid is not null or id > 0); alter table ty add check ("varchar(10)[]" is not null or id > 0); alter table ty add check (mood is not null or id > 0); alter table ty add check (dom_plain is not null or id > 0); alter table ty add check (xml is not null or id > 0)
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); alter table ty add check ("varchar(10)" is not null or id > 0) not valid; alter table ty add check ("integer" is not null or id > 0) not valid; alter table ty add check ("numeric(10,2)" is not null or id > 0) not valid; alter table ty add check ("timestamp(3)" is not null or id > 0) not valid; alter table ty add check (cidr is not null or id > 0) not valid; alter table ty add check (text is not null or id > 0) not valid; alter table ty add check ("varbit(5)" is not null or id > 0) not valid; alter table ty add check (oid is not null or id > 0) not valid; alter table ty add check ("varchar(10)[]" is not null or id > 0) not valid; alter table ty add check (mood is not null or id > 0) not valid; alter table ty add check (dom_plain is not null or id > 0) not valid; alter table ty add check (xml is not null or id > 0) not valid
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain); insert into ty(id) select generate_series(1,20); create index on ty using hash ("varchar(10)"); create index on ty using hash ("integer"); create index on ty using hash ("numeric(10,2)"); create index on ty using hash ("timestamp(3)"); create index on ty using hash (cidr); create index on ty using hash (text); create index on ty using hash (oid); create index on ty using hash ("varchar(10)[]"); create index on ty using hash (mood); create index on ty using hash (dom_plain)
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); create statistics st1 on id, "varchar(10)" from ty; create statistics st2 on id, "integer" from ty; create statistics st3 on id, "numeric(10,2)" from ty; create statistics st4 on id, "timestamp(3)" from ty; create statistics st5 on id, cidr from ty; create statistics st6 on id, text from ty; create statistics st7 on id, "varbit(5)" from ty; create statistics st8 on id, oid from ty; create statistics st9 on id, "varchar(10)[]" from ty; create statistics st10 on id, mood from ty; create statistics st11 on id, dom_plain from ty
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); alter table ty alter "varchar(10)" set default null; alter table ty alter "integer" set default null; alter table ty alter "numeric(10,2)" set default null; alter table ty alter "timestamp(3)" set default null; alter table ty alter cidr set default null; alter table ty alter text set default null; alter table ty alter "varbit(5)" set default null; alter table ty alter oid set default null; alter table ty alter "varchar(10)[]" set default null; alter table ty alter mood set default null; alter table ty alter dom_plain set default null; alter table ty alter xml set default null
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); update ty set "varchar(10)" = 'a'; alter table ty alter "varchar(10)" set not null; update ty set "integer" = 1; alter table ty alter "integer" set not null; update ty set "numeric(10,2)" = 1; alter table ty alter "numeric(10,2)" set not null; update ty set "timestamp(3)" = '2024-01-01'; alter table ty alter "timestamp(3)" set not null; update ty set cidr = '10.0.0.0/8'; alter table ty alter cidr set not null; update ty set text = 'a'; alter table ty alter text set not null; update ty set "varbit(5)" = '1'; alter table ty alter "varbit(5)" set not null; update ty set oid = 1; alter table ty alter oid set not null; update ty set "varchar(10)[]" = '{a}'; alter table ty alter "varchar(10)[]" set not null; update ty set mood = 'ok'; alter table ty alter mood set not null; update ty set dom_plain = 'a'; alter table ty alter dom_plain set not null; update ty set xml = '<a/>'; alter table ty alter xml set not null
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}

-- setup: create table ty(id int primary key, "varchar(10)" varchar(10), "integer" integer, "numeric(10,2)" numeric(10,2), "timestamp(3)" timestamp(3), cidr cidr, text text, "varbit(5)" varbit(5), oid oid, "varchar(10)[]" varchar(10)[], mood mood, dom_plain dom_plain, xml xml); insert into ty(id) select generate_series(1,20); alter table ty alter "varchar(10)" set statistics 10; comment on column ty."varchar(10)" is 'x'; alter table ty alter "integer" set statistics 10; comment on column ty."integer" is 'x'; alter table ty alter "numeric(10,2)" set statistics 10; comment on column ty."numeric(10,2)" is 'x'; alter table ty alter "timestamp(3)" set statistics 10; comment on column ty."timestamp(3)" is 'x'; alter table ty alter cidr set statistics 10; comment on column ty.cidr is 'x'; alter table ty alter text set statistics 10; comment on column ty.text is 'x'; alter table ty alter "varbit(5)" set statistics 10; comment on column ty."varbit(5)" is 'x'; alter table ty alter oid set statistics 10; comment on column ty.oid is 'x'; alter table ty alter "varchar(10)[]" set statistics 10; comment on column ty."varchar(10)[]" is 'x'; alter table ty alter mood set statistics 10; comment on column ty.mood is 'x'; alter table ty alter dom_plain set statistics 10; comment on column ty.dom_plain is 'x'; alter table ty alter xml set statistics 10; comment on column ty.xml is 'x'
alter table ty alter "varchar(10)" type {{varchar(20)|varchar|text|varchar(5)|dom_plain|text collate "C"|name|varchar(10)}}
alter table ty alter "integer" type {{bigint|oid|text|integer}}
alter table ty alter "numeric(10,2)" type {{numeric(12,2)|numeric|numeric(12,4)}}
alter table ty alter "timestamp(3)" type {{timestamp|timestamptz|timestamptz(3)}}
alter table ty alter cidr type {{inet|text}}
alter table ty alter text type {{varchar|varchar(10)|dom_plain|dom_chk|text collate "C"|text}}
alter table ty alter "varbit(5)" type {{varbit(10)|varbit}}
alter table ty alter oid type {{integer|regclass|bigint}}
alter table ty alter "varchar(10)[]" type {{varchar(20)[]|text[]|varchar[]}}
alter table ty alter mood type {{text using mood::text|mood|dom_plain using mood::text}}
alter table ty alter dom_plain type {{text|varchar|dom_chk}}
alter table ty alter xml type {{text|varchar(10)}}
