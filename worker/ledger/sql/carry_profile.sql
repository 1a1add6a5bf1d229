-- What the person's record lacks comes from the id that was merged into it; external ids of both.
INSERT INTO customer AS person (org, account_id, name, email, phone, birth_date, external_ids)
SELECT org, $3, name, email, phone, birth_date, external_ids FROM customer WHERE org = $1 AND account_id = $2
ON CONFLICT (org, account_id) DO UPDATE
SET name = coalesce(person.name, excluded.name), email = coalesce(person.email, excluded.email),
    phone = coalesce(person.phone, excluded.phone), birth_date = coalesce(person.birth_date, excluded.birth_date),
    external_ids = coalesce(excluded.external_ids || person.external_ids, person.external_ids, excluded.external_ids)
