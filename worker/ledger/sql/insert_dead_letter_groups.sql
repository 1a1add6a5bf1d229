INSERT INTO dead_letter_group (reason, path, type, orgcode, detail, sample)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
ON CONFLICT (reason, path, type, orgcode) DO NOTHING
