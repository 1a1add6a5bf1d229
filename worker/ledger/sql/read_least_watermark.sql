SELECT min(read_us) FROM watermark WHERE topic = $1
