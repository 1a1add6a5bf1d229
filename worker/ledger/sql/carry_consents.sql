-- The consents of a merged id count for the person, each from its own time on.
INSERT INTO consent (at_us, no, org, granted, customer_id, purpose, channel)
SELECT at_us, no, org, granted, $3, purpose, channel FROM consent WHERE org = $1 AND customer_id = $2
