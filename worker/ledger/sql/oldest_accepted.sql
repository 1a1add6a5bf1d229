-- The time since which the oldest document of an interface has waited to be published.
SELECT extract(epoch FROM now() - min(decided_at)) FROM batch WHERE published_at IS NULL AND worker = 0
