-- In the order of the index, so a page is a range of it, however many customers share the address. The caller turns
-- `enable_bitmapscan` off.
SELECT account_id,
    ($5::text IS NULL OR phone_digits = $5)
    AND ($6::jsonb IS NULL OR external_ids @> $6)
    AND ($7::text IS NULL OR ' ' || name_folded ~ $7) AS fits
FROM customer
WHERE org = $1 AND email_folded = $4::text AND account_id > $2::bigint
ORDER BY account_id
LIMIT $3
