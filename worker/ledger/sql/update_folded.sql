UPDATE customer c
SET name_folded = k.name_folded, email_folded = k.email_folded, phone_digits = k.phone_digits
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[], $5::text[])
    AS k (org, account_id, name_folded, email_folded, phone_digits)
WHERE c.org = k.org AND c.account_id = k.account_id
