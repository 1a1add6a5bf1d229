-- Since when the oldest document of an interface waits to be published.
SELECT extract(epoch FROM now() - min(decided_at)) FROM batch WHERE published_at IS NULL AND worker = 0
