SELECT k.place, c.card_id
FROM unnest($1::integer[], $2::bytea[]) WITH ORDINALITY AS k (org, token, place)
CROSS JOIN LATERAL (SELECT card_id FROM card_number WHERE org = k.org AND token = k.token) c
