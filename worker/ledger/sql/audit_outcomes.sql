-- Documents with stored outcomes: of a tenant, a type, a subject, and those whose latest outcome was decided from $4 until
-- $5; null: all of them.
SELECT e.no, o.code AS orgcode, e.org, e.type, e.subject, e.facts
FROM event e JOIN org o ON o.id = e.org
WHERE e.facts IS NOT NULL
    AND ($1::text IS NULL OR o.code = $1)
    AND ($2::smallint IS NULL OR e.type = $2)
    AND ($3::text IS NULL OR e.subject = $3)
    AND ($4::timestamptz IS NULL OR e.no >> 12 IN (SELECT no FROM every_batch WHERE decided_at >= $4))
    AND ($5::timestamptz IS NULL OR e.no >> 12 IN (SELECT no FROM every_batch WHERE decided_at < $5))
ORDER BY e.no
