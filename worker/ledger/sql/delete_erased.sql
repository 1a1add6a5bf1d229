DELETE FROM accepted WHERE document IS NULL AND key = ANY ($1::bytea[])
