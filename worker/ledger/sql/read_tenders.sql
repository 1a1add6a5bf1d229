SELECT t.*
FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (org, id, place)
CROSS JOIN LATERAL (
    SELECT {tender} FROM tender
    WHERE org = k.org AND id = k.id
) t
ORDER BY k.place
