-- The archive that has the transfers of this document's number, if they are archived.
SELECT name, checksum FROM archive WHERE end_batch > ($1::bigint >> 12) ORDER BY end_batch LIMIT 1
