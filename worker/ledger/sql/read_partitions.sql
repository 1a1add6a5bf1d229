SELECT coalesce(w.topic, h.topic) AS topic, coalesce(w.partition, h.partition) AS partition, w.next_offset, w.last_ms,
    h.since, h.kind, h.why, h.decision
FROM watermark w FULL JOIN halted h ON h.topic = w.topic AND h.partition = w.partition
ORDER BY h.since IS NULL, 1, 2
