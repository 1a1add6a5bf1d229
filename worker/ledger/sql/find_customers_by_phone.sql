-- As by e-mail.
SELECT account_id,
    ($4::text IS NULL OR email_folded = $4)
    AND ($6::jsonb IS NULL OR external_ids @> $6)
    AND ($7::text IS NULL OR ' ' || name_folded ~ $7) AS fits
FROM customer
WHERE org = $1 AND phone_digits = $5::text AND account_id > $2::bigint
ORDER BY account_id
LIMIT $3
