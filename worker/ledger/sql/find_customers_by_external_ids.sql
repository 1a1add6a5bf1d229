-- + 0 keeps the planner from walking the tenant's customers by the primary key. The index has no order, so all that have
-- the ids are sorted for each page.
SELECT account_id,
    ($4::text IS NULL OR email_folded = $4)
    AND ($5::text IS NULL OR phone_digits = $5)
    AND ($7::text IS NULL OR ' ' || name_folded ~ $7) AS fits
FROM customer
WHERE org + 0 = $1 AND external_ids @> $6::jsonb AND account_id + 0 > $2::bigint
ORDER BY account_id + 0
LIMIT $3
