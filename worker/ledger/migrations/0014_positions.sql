-- How far the ledger has read each partition, and a fingerprint of the last record: offset, timestamp, checksum of key and
-- value. Null in rows of before: there the group's offset counts until the next batch.
ALTER TABLE watermark ADD COLUMN next_offset bigint;
ALTER TABLE watermark ADD COLUMN last_offset bigint;
ALTER TABLE watermark ADD COLUMN last_ms bigint;
ALTER TABLE watermark ADD COLUMN checksum bytea;
