INSERT INTO customer (org, account_id, name, email, phone, birth_date, external_ids)
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[])
ON CONFLICT (org, account_id) DO UPDATE
SET name = coalesce(excluded.name, customer.name), email = coalesce(excluded.email, customer.email),
    phone = coalesce(excluded.phone, customer.phone),
    birth_date = coalesce(excluded.birth_date, customer.birth_date),
    external_ids = coalesce(excluded.external_ids, customer.external_ids)
