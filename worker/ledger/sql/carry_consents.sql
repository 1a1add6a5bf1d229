-- What was said under an id that was merged counts for the person, as of when it was said.
INSERT INTO consent (at_us, no, org, granted, customer_id, purpose, channel)
SELECT at_us, no, org, granted, $3, purpose, channel FROM consent WHERE org = $1 AND customer_id = $2
