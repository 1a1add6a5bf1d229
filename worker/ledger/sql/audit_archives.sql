-- Every archive, the earliest first.
SELECT name, checksum, end_batch, until FROM archive ORDER BY end_batch
