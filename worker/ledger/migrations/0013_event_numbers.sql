-- Rows that are updated move, and new rows take their places: so a range of pages holds numbers of every age. This index
-- keeps up to 32 values for each range, where the one before kept the least and the greatest.
DROP INDEX event_no;
CREATE INDEX event_no ON event USING brin (no int8_minmax_multi_ops) WITH (pages_per_range = 32, autosummarize = on);
