-- For each channel, the consent for a purpose that counts at an instant, and all later ones: one index step for each.
WITH RECURSIVE said AS (
    SELECT k.place, k.org, k.customer_id, k.purpose, k.since_us, c.channel
    FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
        AS k (org, customer_id, purpose, since_us, place)
    CROSS JOIN LATERAL (
        SELECT channel FROM consent
        WHERE org = k.org AND customer_id = k.customer_id AND purpose = k.purpose
        ORDER BY channel LIMIT 1
    ) c
    UNION ALL
    SELECT s.place, s.org, s.customer_id, s.purpose, s.since_us, c.channel
    FROM said s
    CROSS JOIN LATERAL (
        SELECT channel FROM consent
        WHERE org = s.org AND customer_id = s.customer_id AND purpose = s.purpose AND channel > s.channel
        ORDER BY channel LIMIT 1
    ) c
)
SELECT s.place, s.channel, c.granted, c.at_us
FROM said s
CROSS JOIN LATERAL (
    (SELECT granted, at_us, no, ctid FROM consent
     WHERE org = s.org AND customer_id = s.customer_id AND purpose = s.purpose AND channel = s.channel
         AND at_us <= s.since_us
     ORDER BY at_us DESC, no DESC LIMIT 1)
    UNION ALL
    SELECT granted, at_us, no, ctid FROM consent
    WHERE org = s.org AND customer_id = s.customer_id AND purpose = s.purpose AND channel = s.channel
        AND at_us > s.since_us
) c
ORDER BY c.no, c.ctid
