-- OFFSET 0 keeps the planner from walking the tenant's accounts in their order until some are found to match; + 0 from
-- collecting all of the tenant's customers by the primary key.
SELECT a.*
FROM customer c
CROSS JOIN LATERAL (
    SELECT {account}
    FROM account
    WHERE id = c.account_id
    OFFSET 0
) a
WHERE c.org + 0 = $1 AND c.external_ids @> $6::jsonb
  AND ($4::text IS NULL OR c.email_folded = $4)
  AND ($5::text IS NULL OR c.phone_digits = $5)
  AND ($7::text IS NULL OR ' ' || c.name_folded ~ $7)
  AND a.kind = 0 AND a.key > $2 AND a.standing > 0
ORDER BY a.key
LIMIT $3
