"""A queue of Absurd as `absurd.create_queue('default')` makes it, with what its claims and completions do.

`absurd.fail_run` stands here for Absurd's own, of the same name and arguments: the run has failed, and the task's next one
waits, as long as attempts are left.
"""
from play import Host

SCHEMA = """
CREATE SCHEMA absurd;
CREATE TABLE absurd.t_default (task_id uuid PRIMARY KEY, task_name text NOT NULL, params jsonb NOT NULL, headers jsonb,
    retry_strategy jsonb, max_attempts integer, cancellation jsonb, enqueue_at timestamptz NOT NULL DEFAULT now(),
    first_started_at timestamptz, state text NOT NULL, attempts integer NOT NULL DEFAULT 0, last_attempt_run uuid,
    completed_payload jsonb, cancelled_at timestamptz, idempotency_key text UNIQUE);
CREATE TABLE absurd.r_default (run_id uuid PRIMARY KEY, task_id uuid NOT NULL, attempt integer NOT NULL, state text NOT NULL,
    claimed_by text, claim_expires_at timestamptz, available_at timestamptz NOT NULL, wake_event text, event_payload jsonb,
    started_at timestamptz, completed_at timestamptz, failed_at timestamptz, result jsonb, failure_reason jsonb,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX r_default_sai ON absurd.r_default (state, available_at);
CREATE INDEX r_default_cei ON absurd.r_default (claim_expires_at) WHERE state = 'running' AND claim_expires_at IS NOT NULL;
CREATE FUNCTION absurd.fail_run(p_queue_name text, p_run_id uuid, p_reason jsonb, p_retry_at timestamptz DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    run absurd.r_default;
    task absurd.t_default;
    next_run uuid;
BEGIN
    SELECT * INTO run FROM absurd.r_default WHERE run_id = p_run_id FOR UPDATE;
    SELECT * INTO task FROM absurd.t_default WHERE task_id = run.task_id FOR UPDATE;
    IF p_queue_name <> 'default' OR run.state NOT IN ('running', 'sleeping') THEN
        RAISE EXCEPTION 'run % of queue % is %', p_run_id, p_queue_name, run.state;
    END IF;
    UPDATE absurd.r_default SET state = 'failed', failed_at = now(), failure_reason = p_reason WHERE run_id = p_run_id;
    IF task.max_attempts IS NULL OR run.attempt < task.max_attempts THEN
        next_run := gen_random_uuid();
        INSERT INTO absurd.r_default (run_id, task_id, attempt, state, available_at)
            VALUES (next_run, run.task_id, run.attempt + 1, 'pending', coalesce(p_retry_at, now()));
    END IF;
    UPDATE absurd.t_default SET state = CASE WHEN next_run IS NULL THEN 'failed' ELSE 'pending' END,
        last_attempt_run = coalesce(next_run, p_run_id) WHERE task_id = run.task_id;
END $$;
"""


class Absurd(Host):
    profile = "absurd"

    def schema(self, _engine):
        return SCHEMA

    def spawn(self, play, limit="NULL"):
        """The first run's id."""
        return play.cell(f"""
            WITH task AS (INSERT INTO absurd.t_default (task_id, task_name, params, state, max_attempts)
                VALUES (gen_random_uuid(), 'mail', '{{}}', 'pending', {limit}) RETURNING task_id)
            INSERT INTO absurd.r_default (run_id, task_id, attempt, state, available_at)
                SELECT gen_random_uuid(), task_id, 1, 'pending', now() FROM task RETURNING run_id""")

    def claim(self, worker, until="now() + interval '1 second'"):
        """Without the look for claims that are over, which is made here by nobody."""
        return (f"WITH run AS (UPDATE absurd.r_default SET state = 'running', claimed_by = '{worker}', started_at = now(), "
                f"claim_expires_at = {until} WHERE run_id = (SELECT run_id FROM absurd.r_default "
                "WHERE state = 'pending' AND available_at <= now() LIMIT 1) RETURNING *), "
                "task AS (UPDATE absurd.t_default AS t SET state = 'running' FROM run WHERE t.task_id = run.task_id) "
                "SELECT run_id, attempt FROM run")

    def complete(self, play, run):
        """Refused but for a run that is running."""
        return play.sql(f"WITH run AS (UPDATE absurd.r_default SET state = 'completed', completed_at = now(), result = '{{}}' "
                        f"WHERE run_id = '{run}' AND state = 'running' RETURNING task_id) "
                        "UPDATE absurd.t_default SET state = 'completed' WHERE task_id IN (SELECT task_id FROM run) RETURNING state")

    def runs(self, play):
        return play.sql("SELECT attempt, state FROM absurd.r_default ORDER BY attempt")

    def story_claim_timeout(self, play):
        """Its worker was killed, and its claim is over: the run has failed as Absurd says it, and the next one is finished."""
        run = self.spawn(play)
        worker = play.claim(self.claim("worker-1", until="now() + interval '1 minute'"))
        play.nothing_yet()
        play.sql("UPDATE absurd.r_default SET claim_expires_at = now() + interval '1 second'")
        worker.kill()
        play.recovered(id=run, rule="claim-timeout", remedy="fail", owner="worker-1", attempts=1)
        play.assertEqual(self.runs(play), [["1", "failed"], ["2", "pending"]])
        reason = play.object("SELECT failure_reason FROM absurd.r_default WHERE attempt = 1")
        play.assertEqual((reason["name"], reason["workerId"], reason["attempt"]), ("$ClaimTimeout", "worker-1", 1))
        play.assertIn("claimExpiredAt", reason)
        play.assertEqual(self.complete(play, run), [], "a late worker is refused")
        second, = play.claim(self.claim("worker-2", until="now() + interval '1 minute'")).rows
        play.assertEqual((second[0] != run, second[1]), (True, "2"))
        play.assertEqual(self.complete(play, second[0]), [["completed"]])

    def story_attempts_used_up(self, play):
        """max_attempts is Absurd's business: the task has failed, until its people let it run once more."""
        run = self.spawn(play, limit=1)
        play.claim(self.claim("worker-1")).kill()
        play.recovered(id=run, remedy="fail")
        play.assertEqual(self.runs(play), [["1", "failed"]])
        play.assertEqual(play.cell("SELECT state FROM absurd.t_default"), "failed")
        play.sql("INSERT INTO absurd.r_default (run_id, task_id, attempt, state, available_at) "
                 "SELECT gen_random_uuid(), task_id, 2, 'pending', now() FROM absurd.t_default")  # absurd.retry_task
        second = play.claim(self.claim("worker-2", until="now() + interval '1 minute'"))
        play.assertEqual(self.complete(play, second.task), [["completed"]])

    def story_a_claim_without_end(self, play):
        """Claimed without a timeout: Absurd never takes it back, nor does this; another one's claim is taken all the same."""
        endless = self.spawn(play)
        play.claim(self.claim("worker-1", until="NULL")).kill()
        run = self.spawn(play)
        play.claim(self.claim("worker-2")).kill()
        play.recovered(id=run)
        play.assertEqual(play.cell(f"SELECT state FROM absurd.r_default WHERE run_id = '{endless}'"), "running")
        third = play.claim(self.claim("worker-3", until="now() + interval '1 minute'"))
        play.assertEqual(self.complete(play, third.task), [["completed"]])
