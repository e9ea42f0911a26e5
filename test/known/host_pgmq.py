"""A queue of pgmq as `pgmq.create('default')` makes it, with the statements that its read, delete and archive come down to."""
from play import Host

SCHEMA = """
CREATE SCHEMA pgmq;
CREATE TABLE pgmq.q_default (msg_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, read_ct int NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, message jsonb, headers jsonb);
CREATE INDEX q_default_vt_idx ON pgmq.q_default (vt ASC);
CREATE TABLE pgmq.a_default (msg_id bigint PRIMARY KEY, read_ct int NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(), archived_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL,
    message jsonb, headers jsonb);
CREATE FUNCTION pgmq.archive(queue_name text, msg_id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE found_it boolean;
BEGIN
    EXECUTE format('WITH gone AS (DELETE FROM pgmq.%I AS q WHERE q.msg_id = $1 RETURNING *)
        INSERT INTO pgmq.%I (msg_id, vt, read_ct, enqueued_at, message, headers)
        SELECT g.msg_id, g.vt, g.read_ct, g.enqueued_at, g.message, g.headers FROM gone AS g RETURNING true',
        'q_' || queue_name, 'a_' || queue_name) INTO found_it USING msg_id;
    RETURN coalesce(found_it, false);
END $$;
"""


class Pgmq(Host):
    profile = "pgmq"

    def schema(self, _engine):
        return SCHEMA

    def send(self, play, read=0):
        play.sql(f"INSERT INTO pgmq.q_default (vt, read_ct, message) VALUES (now(), {read}, '{{\"to\": \"anna\"}}')")
        return play.cell("SELECT max(msg_id) FROM pgmq.q_default")

    def read(self, seconds=1):
        return ("UPDATE pgmq.q_default AS m SET vt = clock_timestamp() + "
                f"interval '{seconds} seconds', read_ct = read_ct + 1 "
                "WHERE msg_id = (SELECT msg_id FROM pgmq.q_default WHERE vt <= clock_timestamp() ORDER BY msg_id LIMIT 1 "
                "FOR UPDATE SKIP LOCKED) RETURNING msg_id")

    def story_read_too_often(self, play):
        """A message that kills each of its readers: it comes back by itself four times, and then it is in the archive."""
        task, other = self.send(play), self.send(play)
        for read in range(5):
            play.assertEqual((play.sweep()["stale"], play.sweep()["blind"]), (0, 0))
            worker = play.claim_when_due(self.read().replace("WHERE vt", f"WHERE msg_id = {task} AND vt"))
            play.assertEqual(play.cell(f"SELECT read_ct FROM pgmq.q_default WHERE msg_id = {task}"), str(read + 1))
            worker.kill()
        play.recovered(id=task, rule="read-too-often", remedy="fail", to="failed", attempts=5)
        play.assertEqual(play.sql("SELECT msg_id, read_ct FROM pgmq.a_default WHERE archived_at IS NOT NULL"), [[task, "5"]])
        play.assertEqual(play.sql("SELECT msg_id FROM pgmq.q_default"), [[other]])
        play.sql("INSERT INTO pgmq.q_default (vt, message) SELECT now(), message FROM pgmq.a_default")  # its people send it again
        play.sql(f"DELETE FROM pgmq.q_default WHERE msg_id = {play.claim(self.read(60)).task}")
        again = play.claim(self.read(60)).task
        play.assertEqual(play.object(f"SELECT message FROM pgmq.q_default WHERE msg_id = {again}"), {"to": "anna"})
        play.sql(f"DELETE FROM pgmq.q_default WHERE msg_id = {again}")
        play.assertEqual(play.status()["tasks"]["running"], 0)

    def story_its_last_reader_has_time(self, play):
        """Read for the fifth time, its reader may be about to delete it: nothing before it is visible again."""
        task = self.send(play, read=4)
        worker = play.claim(self.read(60))
        play.nothing_yet()
        play.sql("UPDATE pgmq.q_default SET vt = clock_timestamp() + interval '1 second'")  # pgmq.set_vt
        worker.kill()
        play.recovered(id=task, rule="read-too-often")
        play.assertEqual(play.cell("SELECT count(*) FROM pgmq.a_default"), "1")
        self.send(play)
        play.sql(f"DELETE FROM pgmq.q_default WHERE msg_id = {play.claim(self.read(60)).task}")
