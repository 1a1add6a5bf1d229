-- The merged id's profile fills the members that the person's record lacks; external ids are united. A folded form moves
-- with its member, even if it was not computed yet.
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
