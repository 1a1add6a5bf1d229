SELECT e.no, o.code AS orgcode, e.org, e.type, e.subject, e.facts
FROM unnest($1::bigint[], $2::bigint[]) AS run (first, last)
CROSS JOIN LATERAL (
    SELECT no, org, type, subject, facts FROM event
    WHERE no >= run.first << 12 AND no < (run.last + 1) << 12 AND facts IS NOT NULL
) e
JOIN org o ON o.id = e.org
WHERE e.no >> 12 = ANY ($3::bigint[])
ORDER BY e.no
