-- The trigger customer_erased empties the folded copies.
UPDATE customer
SET name = NULL, email = NULL, phone = NULL, birth_date = NULL, external_ids = NULL, erased_at = now()
WHERE org = $1 AND account_id = $2
