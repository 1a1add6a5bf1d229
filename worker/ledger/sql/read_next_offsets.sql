SELECT partition, next_offset FROM watermark WHERE topic = $1 AND next_offset IS NOT NULL
