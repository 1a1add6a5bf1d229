SELECT k.place, c.purpose, c.channel, c.granted, c.at_us
FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (org, customer_id, place)
CROSS JOIN LATERAL (
    SELECT purpose, channel, granted, at_us, no FROM consent WHERE org = k.org AND customer_id = k.customer_id
) c
ORDER BY c.no
