SELECT k.place, t.state
FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (org, id, place)
CROSS JOIN LATERAL (SELECT state FROM tender WHERE org = k.org AND id = k.id) t
