-- case: settings
-- shows: what a migration sets first holds on every connection of the run and in the triggers; what changes nothing is left out; a table of its own in place of a temporary one
-- setup
CREATE TABLE visits (id bigint PRIMARY KEY, written text NOT NULL);
INSERT INTO visits SELECT i, to_char(date '2024-01-01' + i % 300, 'DD/MM/YYYY') FROM generate_series(1, 500) AS i;
-- migration
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET datestyle = 'SQL, DMY';
SET row_security = off;
CREATE FUNCTION public.last_day() RETURNS date LANGUAGE sql AS 'SELECT max(day) FROM public.holidays';
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.holidays (day date);
INSERT INTO public.holidays VALUES ('02/03/2024'), ('03/02/2024');
ALTER TABLE public.visits ADD COLUMN day date;
UPDATE public.visits SET day = written::date;
ALTER TABLE public.visits ALTER COLUMN day SET NOT NULL;
CREATE UNLOGGED TABLE public.map AS SELECT day, count(*) AS visits FROM public.visits GROUP BY day;
ALTER TABLE public.holidays ADD COLUMN visits bigint;
UPDATE public.holidays AS h SET visits = m.visits FROM public.map AS m WHERE m.day = h.day;
DROP TABLE public.map;
-- old application
INSERT INTO visits (id, written) VALUES (:fresh, '05/06/2024');
UPDATE visits SET written = '07/08/2024' WHERE id = :id;
-- new application
INSERT INTO visits (id, written, day) VALUES (:fresh, '05/06/2024', '2024-06-05');
SELECT day FROM visits WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM visits WHERE day <> to_date(written, 'DD/MM/YYYY');
