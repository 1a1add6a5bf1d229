SELECT k.account_id, c.name, c.email, c.phone, c.birth_date, c.external_ids
FROM unnest($2::bigint[]) AS k (account_id)
CROSS JOIN LATERAL (
    SELECT name, email, phone, birth_date, external_ids FROM customer WHERE org = $1 AND account_id = k.account_id
) c
