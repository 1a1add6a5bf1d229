DELETE FROM accepted WHERE no >> 12 = ANY ($1::bigint[]) AND document IS NOT NULL
