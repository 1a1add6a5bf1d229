-- OFFSET 0 keeps the planner from walking the tenant's accounts in their order until some are found to match.
SELECT a.*
FROM customer c
CROSS JOIN LATERAL (
    SELECT {account}
    FROM account
    WHERE id = c.account_id
    OFFSET 0
) a
WHERE c.org = $1 AND c.phone_digits = $5::text
  AND ($4::text IS NULL OR c.email_folded = $4)
  AND ($6::jsonb IS NULL OR c.external_ids @> $6)
  AND ($7::text IS NULL OR ' ' || c.name_folded ~ $7)
  AND a.kind = 0 AND a.key > $2 AND a.standing > 0
ORDER BY a.key
LIMIT $3
