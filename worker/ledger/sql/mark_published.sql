UPDATE batch SET published_at = now() WHERE no = ANY ($1::bigint[]) AND published_at IS NULL
