-- Since when the oldest document of a door waits to be published.
SELECT extract(epoch FROM now() - min(decided_at)) FROM batch WHERE published_at IS NULL AND worker = 0
