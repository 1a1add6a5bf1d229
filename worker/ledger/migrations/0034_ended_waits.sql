-- Which parked documents wait no longer once these sales, tenders and returns have come: those that name one of them as
-- what they wait for, every document of the sale (a void ends all waits), and the return itself. `at` is the place in
-- the arrays, from 1. `return_type`: the number of returns as documents. A document may be found several times.
CREATE FUNCTION ended_waits(orgs integer[], things text[], ids text[], return_type smallint)
    RETURNS TABLE (org integer, type smallint, subject text, at bigint)
    LANGUAGE sql STABLE
AS $$
    WITH came AS MATERIALIZED (
        SELECT * FROM unnest(orgs, things, ids) WITH ORDINALITY AS k (org, what, key, at)
    )
    SELECT p.org, p.type, p.subject, c.at
    FROM came c JOIN parked p ON p.org = c.org AND p.waits_for = c.what AND p.waits_key = c.key
    UNION ALL
    SELECT p.org, p.type, p.subject, c.at
    FROM came c JOIN parked p ON c.what = 'sale' AND p.org = c.org AND p.sale_id = c.key AND p.sale_id <> ''
    UNION ALL
    SELECT p.org, p.type, p.subject, c.at
    FROM came c JOIN parked p ON c.what = 'return' AND p.org = c.org AND p.type = return_type AND p.subject = c.key
$$;
