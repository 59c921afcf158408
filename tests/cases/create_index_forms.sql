-- case: create_index_forms
-- shows: partial, expression, operator class, collation, order, INCLUDE, storage parameters, another method: all kept exactly
-- setup
CREATE TABLE documents (id bigint PRIMARY KEY, title text, body text, tags text[], data jsonb, rank int, done boolean);
INSERT INTO documents SELECT i, 'Title ' || i, repeat('body ', i % 30), ARRAY['t' || i % 4], jsonb_build_object('k', i), i % 100, i % 3 = 0 FROM generate_series(1, 800) AS i;
-- migration
CREATE INDEX documents_open ON documents (rank) WHERE NOT done AND rank > 10;
CREATE INDEX documents_lower ON documents (lower(title), (rank + 1));
CREATE INDEX documents_prefix ON documents (title COLLATE "C" text_pattern_ops DESC NULLS LAST, rank ASC NULLS FIRST);
CREATE INDEX documents_cover ON documents (rank) INCLUDE (title, done) WITH (fillfactor = 70);
CREATE INDEX documents_tags ON documents USING gin (tags);
CREATE INDEX documents_data ON documents USING gin (data jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX documents_hash ON documents USING hash (title);
CREATE INDEX documents_brin ON documents USING brin (id) WITH (pages_per_range = 4);
CREATE INDEX ON documents (lower(title));
CREATE INDEX ON documents ((data ->> 'k'), (rank * 2));
