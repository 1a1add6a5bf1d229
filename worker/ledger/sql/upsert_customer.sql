INSERT INTO customer
    (org, account_id, name, email, phone, birth_date, external_ids, name_folded, email_folded, phone_digits)
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
                     $8::text[], $9::text[], $10::text[])
ON CONFLICT (org, account_id) DO UPDATE
SET name = coalesce(excluded.name, customer.name), email = coalesce(excluded.email, customer.email),
    phone = coalesce(excluded.phone, customer.phone),
    birth_date = coalesce(excluded.birth_date, customer.birth_date),
    external_ids = coalesce(excluded.external_ids, customer.external_ids),
    name_folded = coalesce(excluded.name_folded, customer.name_folded),
    email_folded = coalesce(excluded.email_folded, customer.email_folded),
    phone_digits = coalesce(excluded.phone_digits, customer.phone_digits)
