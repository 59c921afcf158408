-- Constraints

-- setup: create table i0(a int); create table i1(b int) inherits (i0); insert into i1 values (1,2)
alter table i0 add primary key (a)
alter table i0 add exclude (a with =)
alter table i0 add constraint fk foreign key (a) references ref(id)
alter table i0 add constraint fk foreign key (a) references ref(id) not valid
alter table only i0 add unique (a)
alter table only i0 add constraint ck check (a>0) no inherit
alter table only i0 add constraint ck check (a>0)

-- setup: create table i0(a int); create table i1(b int) inherits (i0); insert into i1 values (1,2); create unique index i0u on i0(a)
alter table i0 add constraint u unique using index i0u
alter table i0 add constraint u primary key using index i0u

-- setup: create table i0(a int, constraint ck check (a>0)); create table i1(b int) inherits (i0); insert into i1 values (1,2);
alter table i0 drop constraint ck
alter table only i0 drop constraint ck
alter table i0 rename constraint ck to ck2

-- setup: create table i0(a int); create table i1(b int) inherits (i0); insert into i0 values(1); insert into i1 values (1,2); alter table i0 add constraint ck check (a>0) not valid
alter table i0 validate constraint ck
alter table only i0 validate constraint ck
alter table i0 add constraint nn not null a
alter table i0 add constraint nn not null a not valid
alter table i0 add constraint nn not null a no inherit

-- setup 18: create table i0(a int); create table i1(b int) inherits (i0); insert into i0 values(1); insert into i1 values (1,2); alter table i0 add constraint nn not null a not valid
alter table i0 validate constraint nn
alter table i0 drop constraint nn
alter table i0 alter constraint nn no inherit
alter table i0 alter constraint nn inherit

-- setup: 
alter table t add constraint ck check (a > 0), add constraint ck2 check (a2 > 0)
alter table t add constraint ck check (a > 0) no inherit
alter table t add check (true)
alter table t add check (f_vol(a) > 0)
alter table t add constraint u unique (a)
alter table t add unique (a, a2) include (b)
alter table t add constraint u unique (a) deferrable
alter table t add constraint fk foreign key (ref_id) references ref
alter table t add constraint fk foreign key (ref_id) references ref(id) on delete cascade deferrable initially deferred
-- fails
alter table t add constraint fk foreign key (b) references ref(u)
-- fails
alter table t add constraint fk1 foreign key (ref_id) references ref, add constraint fk2 foreign key (b) references ref(u)
alter table t add constraint nn not null a
alter table t add constraint nn not null a not valid
alter table t add constraint nn not null a no inherit
alter table t alter column id drop not null
alter table p add constraint fk foreign key (k) references ref(id)
alter table p add constraint fk foreign key (k) references ref(id) not valid
alter table p1 add constraint fk foreign key (k) references ref(id)
alter table p add constraint ck check (k > 0)
alter table p add constraint ck check (k > 0) not valid
alter table only p add constraint ck check (k > 0)
alter table p add primary key (id, d)
alter table p add constraint nn not null txt
alter table p add constraint nn not null txt not valid
alter table only p add unique (id,d)
alter table only p add primary key (id,d)
alter table p1 add primary key (id,d)
alter table p1 add unique (id)
alter table child drop constraint child_fk, add constraint child_fk foreign key (t_id) references t(id) not valid
alter table child drop constraint child_fk, drop constraint child_pkey
alter table t drop constraint t_pkey
alter table t drop constraint t_pkey cascade
alter table t drop constraint if exists nope
alter table p drop constraint if exists nope
alter table child alter constraint child_fk not deferrable

-- setup: create table pr(id int not null, d date not null, primary key(id, d)) partition by range(d); create table pr1 partition of pr for values from ('2024-01-01') to ('2025-01-01'); create table fkc(id int, d date); insert into pr values (1,'2024-02-02'); insert into fkc values (1,'2024-02-02')
-- less
alter table fkc add constraint fk foreign key (id,d) references pr
alter table fkc add constraint fk foreign key (id,d) references pr not valid

-- setup: create table pr(id int not null, d date not null, primary key(id, d)) partition by range(d); create table pr1 partition of pr for values from ('2024-01-01') to ('2025-01-01'); create table fkc(id int, d date); insert into pr values (1,'2024-02-02'); insert into fkc values (1,'2024-02-02');alter table fkc add constraint fk foreign key (id,d) references pr
alter table fkc drop constraint fk
alter table fkc drop column id
drop table fkc
drop table pr cascade
drop table pr1
-- fails
alter table pr detach partition pr1
alter table pr drop constraint pr_pkey cascade
truncate pr
truncate pr cascade
truncate pr1 cascade
truncate fkc
alter table fkc alter constraint fk deferrable
alter table pr add column z int
-- less
alter table fkc alter column id type bigint
create table pr2 partition of pr for values from ('2025-01-01') to ('2026-01-01')

-- setup: alter table p add constraint fk foreign key (k) references ref(id)
alter table p drop constraint fk
alter table p1 drop constraint fk
alter table p alter constraint fk deferrable
alter table p drop column k
alter table p detach partition p1
alter table p attach partition pnew for values from ('2024-04-01') to ('2024-05-01')
drop table p
drop table p1
drop table ref
drop table ref cascade
truncate p
truncate p1
create table p9 partition of p for values from ('2024-06-01') to ('2024-07-01')
alter table p validate constraint fk

-- setup: alter table p add constraint ck check (k > 0) not valid
alter table p validate constraint ck
alter table only p validate constraint ck
alter table p drop constraint ck
alter table p1 drop constraint ck

-- setup: alter table p1 add constraint ck check (k > 0) not valid
alter table p1 validate constraint ck
alter table p1 drop constraint ck
alter table p add constraint ck check (k > 0)

-- setup: alter table t add constraint fk foreign key (ref_id) references ref(id) not valid
alter table t validate constraint fk
alter table t drop constraint fk
alter table t rename constraint fk to fk2

-- setup: alter table t add constraint ck check (a > 0)
alter table t validate constraint ck
alter table t alter constraint ck not enforced

-- setup 18: alter table t add constraint nn not null a
alter table t validate constraint nn
alter table t drop constraint nn
alter table t alter column a drop not null
alter table t rename constraint nn to q
alter table t alter column a set not null
alter table t add constraint nn2 not null a

-- setup 18: alter table t add constraint nn not null a not valid
alter table t drop constraint nn
alter table t add primary key (a)

-- setup: alter table p add primary key (id, d)
alter table p drop constraint p_pkey
alter table p1 drop constraint p1_pkey
alter table p rename constraint p_pkey to q
alter table p1 rename constraint p1_pkey to q
alter table p alter column id drop not null
alter table p drop column id
