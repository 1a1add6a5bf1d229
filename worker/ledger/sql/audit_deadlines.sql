-- Which of these deadlines are missing. LIMIT: each is looked up by its key.
SELECT k.place
FROM unnest($1::integer[], $2::text[], $3::text[]) WITH ORDINALITY AS k (org, kind, key, place)
LEFT JOIN LATERAL (SELECT org FROM timer WHERE org = k.org AND kind = k.kind AND key = k.key LIMIT 1) t ON true
WHERE t.org IS NULL
