-- The key that first asked for the card of a command, and whether this call was the first.
INSERT INTO card_issuer (orgcode, command_id, api_key) VALUES ($1, $2, $3)
ON CONFLICT (orgcode, command_id) DO UPDATE SET api_key = card_issuer.api_key
RETURNING api_key, xmax = 0 AS is_new
