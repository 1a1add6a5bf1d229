INSERT INTO halted AS h (topic, partition, kind, why)
SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[])
ON CONFLICT (topic, partition) DO UPDATE SET kind = excluded.kind, why = excluded.why
RETURNING topic, partition, kind, decision
