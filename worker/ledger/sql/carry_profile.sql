-- What the person's record lacks comes from the id that was merged into it; external ids of both. A folded form comes with
-- what it was made of, even if it was not made yet.
INSERT INTO customer AS person
    (org, account_id, name, email, phone, birth_date, external_ids, name_folded, email_folded, phone_digits)
SELECT org, $3, name, email, phone, birth_date, external_ids, name_folded, email_folded, phone_digits
FROM customer
WHERE org = $1 AND account_id = $2
ON CONFLICT (org, account_id) DO UPDATE
SET name = coalesce(person.name, excluded.name), email = coalesce(person.email, excluded.email),
    phone = coalesce(person.phone, excluded.phone), birth_date = coalesce(person.birth_date, excluded.birth_date),
    external_ids = coalesce(excluded.external_ids || person.external_ids, person.external_ids, excluded.external_ids),
    name_folded = CASE WHEN person.name IS NULL THEN excluded.name_folded ELSE person.name_folded END,
    email_folded = CASE WHEN person.email IS NULL THEN excluded.email_folded ELSE person.email_folded END,
    phone_digits = CASE WHEN person.phone IS NULL THEN excluded.phone_digits ELSE person.phone_digits END
