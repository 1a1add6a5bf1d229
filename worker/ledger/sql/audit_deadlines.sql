-- Which of these deadlines are not there.
SELECT k.place
FROM unnest($1::integer[], $2::text[], $3::text[]) WITH ORDINALITY AS k (org, kind, key, place)
LEFT JOIN timer t ON t.org = k.org AND t.kind = k.kind AND t.key = k.key
WHERE t.org IS NULL
