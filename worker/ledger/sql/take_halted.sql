DELETE FROM halted h
USING unnest($1::text[], $2::integer[]) AS k (topic, partition)
WHERE h.topic = k.topic AND h.partition = k.partition
RETURNING h.topic, h.partition, h.kind, h.decision
