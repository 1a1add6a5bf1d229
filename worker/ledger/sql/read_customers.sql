-- OFFSET 0 keeps the planner from collecting all of the tenant's customers by the primary key.
SELECT a.*
FROM unnest($2::bigint[]) AS k (id)
CROSS JOIN LATERAL (SELECT org, {account} FROM account WHERE id = k.id OFFSET 0) a
WHERE a.org = $1 AND a.kind = 0 AND a.standing > 0
