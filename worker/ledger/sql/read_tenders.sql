SELECT t.*
FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (org, id, place)
CROSS JOIN LATERAL (
    SELECT id, state, kind, sale_id, requested_minor, approved_minor, captured_minor, refunded_minor, extra FROM tender
    WHERE org = k.org AND id = k.id
) t
ORDER BY k.place
