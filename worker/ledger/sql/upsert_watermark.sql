INSERT INTO watermark (topic, partition, read_us)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[])
ON CONFLICT (topic, partition) DO UPDATE SET read_us = greatest(watermark.read_us, excluded.read_us)
