DELETE FROM timer t
USING unnest($1::integer[], $2::text[], $3::text[]) AS k (org, kind, key)
WHERE t.org = k.org AND t.kind = k.kind AND t.key = k.key
