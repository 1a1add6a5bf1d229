INSERT INTO timer (org, kind, key, due_us, not_before_us)
SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
ON CONFLICT (org, kind, key) DO NOTHING
