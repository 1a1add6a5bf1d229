-- The consents of customers for a purpose, $4 of each at most; null: all.
SELECT k.place, c.channel, c.granted, c.at_us, c.no
FROM unnest($1::integer[], $2::text[], $3::text[]) WITH ORDINALITY AS k (org, customer_id, purpose, place)
CROSS JOIN LATERAL (
    SELECT channel, granted, at_us, no, ctid FROM consent
    WHERE org = k.org AND customer_id = k.customer_id AND purpose = k.purpose
    LIMIT $4
) c
ORDER BY c.no, c.ctid
