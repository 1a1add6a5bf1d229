UPDATE customer SET name = NULL, email = NULL, phone = NULL, external_ids = NULL, erased_at = now()
WHERE org = $1 AND account_id = $2
