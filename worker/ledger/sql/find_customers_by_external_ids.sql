-- OFFSET 0 keeps the planner from walking the tenant's accounts in their order until some are found to match; + 0 from
-- collecting all of the tenant's customers by the primary key.
SELECT a.*
FROM customer c
CROSS JOIN LATERAL (
    SELECT id, kind, key, currency, standing, balance, held, deficit, version, lots, earned, extra, last_no
    FROM account
    WHERE id = c.account_id
    OFFSET 0
) a
WHERE c.org + 0 = $1 AND c.external_ids @> $6::jsonb
  AND ($4::text IS NULL OR lower(c.email COLLATE "C") = lower($4 COLLATE "C"))
  AND ($5::text IS NULL OR c.phone COLLATE "C" = $5)
  AND a.kind = 0 AND a.key > $2 AND a.standing > 0
ORDER BY a.key
LIMIT $3
