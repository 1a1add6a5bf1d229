INSERT INTO api_key (org, id, digest, name, scopes, expires_at) VALUES ($1, $2, $3, $4, $5, now() + $6)
RETURNING created_at, expires_at
