-- What operators did: a row for every command that changed keys, guards, partitions, dead letters or operations.
-- Nobody changes or removes a row. The database writes `at` and `login` itself: no role may set them.
CREATE TABLE operator_journal (
    no        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    operation bigint,
    login     text NOT NULL DEFAULT session_user,  -- who logged in to the database
    who       text NOT NULL,                       -- who ran the command, by its own account
    action    text NOT NULL,
    target    text NOT NULL,
    reason    text NOT NULL,
    details   jsonb NOT NULL
);
CREATE TRIGGER operator_journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Long work of an operator: a replay, a redrive. Its plan is fixed when it is made. Any process may go on with it from
-- `cursor`: the one whose `runner` stands here, so that two never work at once.
CREATE TABLE operation (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at    timestamptz,
    ended_at      timestamptz,
    seen_at       timestamptz,                -- when its process last wrote down how far it is
    resumed_at    timestamptz,                -- when that process began
    resumed_from  bigint NOT NULL DEFAULT 0,  -- `done` at that moment
    planned       bigint NOT NULL,            -- documents
    done          bigint NOT NULL DEFAULT 0,
    runner        bigint,
    rate_per_s    real CHECK (rate_per_s > 0),  -- documents; null: as fast as it can
    kind          text NOT NULL,
    state         text NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'running', 'paused', 'done', 'failed', 'cancelled')),
    waits_for     text,                       -- why it does not go on just now
    who           text NOT NULL,
    reason        text NOT NULL,
    plan          jsonb NOT NULL,
    cursor        jsonb,
    result        jsonb,
    error         text
);
CREATE INDEX operation_open ON operation (id) WHERE state IN ('planned', 'running', 'paused');

-- A plan never changes, and an operation that is done or cancelled stays so.
CREATE FUNCTION refuse_new_plan() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the plan of an operation and its end are append-only: % refused', TG_OP; END $$;
CREATE TRIGGER operation_plan BEFORE UPDATE ON operation FOR EACH ROW
    WHEN (OLD.state IN ('done', 'cancelled') AND NEW.state <> OLD.state
        OR ROW (NEW.id, NEW.created_at, NEW.planned, NEW.kind, NEW.who, NEW.reason, NEW.plan)
            IS DISTINCT FROM ROW (OLD.id, OLD.created_at, OLD.planned, OLD.kind, OLD.who, OLD.reason, OLD.plan))
    EXECUTE FUNCTION refuse_new_plan();
CREATE TRIGGER operation_kept BEFORE DELETE OR TRUNCATE ON operation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
