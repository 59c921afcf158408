-- case: type_json_checks
-- shows: checks and indexes that say something of the column in the standard's JSON and conditional expressions follow it to its new type
-- servers: 17, 18
-- expect note: column-order
-- setup
CREATE TABLE papers (id bigint PRIMARY KEY, doc text NOT NULL, extra text, nr int NOT NULL,
    CONSTRAINT is_json CHECK (doc IS JSON OBJECT),
    CONSTRAINT has_title CHECK (json_exists(doc::jsonb, '$.title')),
    CONSTRAINT title_fits CHECK (json_value(doc::jsonb, '$.title' PASSING extra AS x DEFAULT 'y' ON EMPTY) <> ''),
    CONSTRAINT pair CHECK (json_object('doc': doc, 'extra': extra ABSENT ON NULL) IS NOT NULL),
    CONSTRAINT parts CHECK (json_array(nr, doc) IS NOT NULL));
INSERT INTO papers SELECT i, json_build_object('title', 't' || i)::text, 'x', i FROM generate_series(1, 300) AS i;
CREATE INDEX papers_title ON papers ((json_value(doc::jsonb, '$.title')));
CREATE INDEX papers_json ON papers (nr) WHERE doc IS JSON WITH UNIQUE KEYS;
-- migration
ALTER TABLE papers ALTER COLUMN doc TYPE varchar(500);
-- old application
UPDATE papers SET doc = json_build_object('title', :s)::text WHERE id = :id AND :s <> '';
INSERT INTO papers (id, doc, extra, nr) VALUES (:fresh, '{"title": "new"}', NULL, :n);
-- new application
UPDATE papers SET doc = json_build_object('title', 'n' || :n)::text WHERE id = :id;
