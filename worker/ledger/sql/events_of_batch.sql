SELECT o.code AS orgcode, e.org, e.type, e.subject, e.facts
FROM event e JOIN org o ON o.id = e.org
WHERE e.no >= $1::bigint << 12 AND e.no < ($1::bigint + 1) << 12 AND e.facts IS NOT NULL
ORDER BY e.no
