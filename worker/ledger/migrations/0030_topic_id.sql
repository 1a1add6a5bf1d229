-- Kafka's id of the topic that the position is of: a topic that was deleted and created again has another. Null in rows of
-- before, and where the broker has no ids.
ALTER TABLE watermark ADD COLUMN topic_id uuid;
