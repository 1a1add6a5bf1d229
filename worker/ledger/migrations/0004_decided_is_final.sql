-- What was decided stays: once a document has its final outcome, its digest, facts, status and number never change. A
-- parked document (status 3) still gets its final outcome, and the stub of a sale (no digest) still becomes the sale.
-- `record` is the state of a sale or a command that later documents undo, so it goes on changing.
CREATE TRIGGER event_decided_is_final BEFORE UPDATE ON event
    FOR EACH ROW
    WHEN (OLD.digest IS NOT NULL AND (NEW.digest IS DISTINCT FROM OLD.digest OR OLD.status <> 3 AND
        (NEW.no <> OLD.no OR NEW.status <> OLD.status OR NEW.facts IS DISTINCT FROM OLD.facts)))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER event_append_only BEFORE DELETE OR TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
