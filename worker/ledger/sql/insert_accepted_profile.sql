INSERT INTO accepted_profile (org, customer_id, key)
SELECT * FROM unnest($1::integer[], $2::text[], $3::bytea[])
ON CONFLICT DO NOTHING
