-- OFFSET 0 keeps the planner from finding all events of the tenant by the primary key's first column, then the numbers.
SELECT e.no, e.type, e.subject, e.facts
FROM unnest($2::bigint[]) AS k (no)
CROSS JOIN LATERAL (SELECT no, org, type, subject, facts FROM event WHERE no = k.no OFFSET 0) e
WHERE e.org = $1
