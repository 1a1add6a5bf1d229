-- The messages to publish to crm.accepted: the documents of these batches, and tombstones for records to erase.
SELECT no, key, document FROM accepted WHERE no >> 12 = ANY ($1::bigint[]) AND document IS NOT NULL
UNION ALL
(SELECT no, key, document FROM accepted WHERE document IS NULL ORDER BY no LIMIT 1000)
ORDER BY no
