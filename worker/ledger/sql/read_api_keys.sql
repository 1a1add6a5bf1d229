SELECT o.code AS orgcode, k.id, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at
FROM api_key k JOIN org o ON o.id = k.org
WHERE ($1::text IS NULL OR o.code = $1) AND ($2::text IS NULL OR k.id = $2)
ORDER BY o.code, k.created_at, k.id
