SELECT a.*
FROM customer c
CROSS JOIN LATERAL (
    SELECT id, kind, key, currency, standing, balance, held, deficit, version, lots, earned, extra, last_no
    FROM account
    WHERE id = c.account_id AND org = $1 AND kind = 0 AND key > $2 AND standing > 0
) a
WHERE c.org = $1 AND c.external_ids @> $6::jsonb
  AND ($4::text IS NULL OR lower(c.email COLLATE "C") = lower($4 COLLATE "C"))
  AND ($5::text IS NULL OR c.phone COLLATE "C" = $5)
ORDER BY a.key
LIMIT $3
