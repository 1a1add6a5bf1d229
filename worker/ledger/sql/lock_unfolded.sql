-- Customers after ($1, $2), so a step does not walk over customers that earlier steps have folded.
SELECT org, account_id, name, email, phone
FROM customer
WHERE (org, account_id) > ($1::integer, $2::bigint)
  AND ((name IS NOT NULL AND name_folded IS NULL) OR (email IS NOT NULL AND email_folded IS NULL)
       OR (phone IS NOT NULL AND phone_digits IS NULL))
ORDER BY org, account_id
LIMIT $3
FOR NO KEY UPDATE
