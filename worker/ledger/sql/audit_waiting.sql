-- $1: the type of sales. Status 3: parked.
SELECT o.code AS orgcode, NULL::smallint AS kind, NULL AS key, f.type, f.subject,
       CASE WHEN f.missing THEN 'was told that it waits, and nothing waits'
            WHEN f.final THEN 'has its final outcome, and still waits'
            ELSE 'waits for a sale that has come' END AS what
FROM (
    SELECT coalesce(e.org, p.org) AS org, coalesce(e.type, p.type) AS type, coalesce(e.subject, p.subject) AS subject,
           p.org IS NULL AS missing, e.org IS NULL AS final,
           p.waits_for = 'sale' AND NOT p.ready AND EXISTS (
               SELECT FROM event s
               WHERE s.org = p.org AND s.type = $1 AND s.subject = p.waits_key AND s.digest IS NOT NULL
           ) AS come
    FROM (SELECT org, type, subject FROM event WHERE status = 3 AND digest IS NOT NULL) e
    FULL JOIN parked p ON p.org = e.org AND p.type = e.type AND p.subject = e.subject
) f JOIN org o ON o.id = f.org
WHERE f.missing OR f.final OR f.come
LIMIT 100
