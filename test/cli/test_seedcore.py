"""The profile `seedcore` on the system's own table, with and without its three lease columns."""
import unittest
import uuid

import scene
from scene import DONE, NOT_FOUND, REFUSED, UNSUPPORTED, USAGE, Scene, utc

TABLE = """
CREATE TABLE tasks (
    id CHAR(36) NOT NULL PRIMARY KEY,
    status VARCHAR(9) NOT NULL DEFAULT 'created'
        CHECK (status IN ('created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'retry')),
    attempts INTEGER NOT NULL DEFAULT 0,
    type VARCHAR NOT NULL,
    description VARCHAR,
    error TEXT,
    run_after DATETIME,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL{lease}
);
"""
LEASE = """,
    owner_id VARCHAR,
    lease_expires_at DATETIME,
    last_heartbeat DATETIME"""
TRIGGER = """
CREATE TRIGGER tasks_updated AFTER UPDATE ON tasks
BEGIN UPDATE tasks SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = new.id; END;
"""

REQUEUED = " | reaper: lease expired or owner dead"
FAILED = " | reaper: max requeues exceeded"


class Seedcore(Scene):
    profile = "seedcore"
    schema = TABLE.format(lease=LEASE) + TRIGGER

    def insert(self, status="queued", updated=0.0, **columns):
        task = str(uuid.uuid4())
        self.add("tasks", **{"id": task, "type": "graph", "description": "embed it", "status": status,
                             "created_at": utc(updated + 10), "updated_at": utc(updated), **columns})
        return task

    def running(self, updated=0.0, owner="d1", **columns):
        return self.insert("running", updated, owner_id=owner, **columns)

    def move(self, task, **columns):
        """Changes a row behind the trigger's back."""
        self.script("DROP TRIGGER tasks_updated")
        assignments = ", ".join(f"{name} = ?" for name in columns)
        self.sql(f"UPDATE tasks SET {assignments} WHERE id = ?", *columns.values(), task)
        self.script(TRIGGER)

    def row(self, task):
        return self.dicts("SELECT * FROM tasks WHERE id = ?", task)[0]

    def status(self, task):
        return self.row(task)["status"]

    def sweep(self, *options, **more):
        return self.json("sweep", *options, **more).answer

    def claim(self, owner="d1"):
        return self.json("claim", "--owner", owner).rows[0]


class Story(Seedcore):
    def test_from_submit_to_finished_by_another(self):
        task = self.insert()
        first = self.busy("--no-sweep")
        row = self.row(task)
        self.assertEqual((row["status"], row["attempts"]), ("running", 0))
        self.assertTrue(row["owner_id"] and row["lease_expires_at"] and row["last_heartbeat"])
        self.assertAlmostEqual(scene.seconds_between(row["last_heartbeat"], row["lease_expires_at"]), 600, delta=1)
        first.kill()
        self.until(lambda: not self.is_running(task), "the end of the command")
        self.move(task, updated_at=utc(3600), last_heartbeat=utc(3600))
        self.assertEqual(self.sweep()["stale"], 0)  # its lease is good
        self.move(task, lease_expires_at=utc(1))
        taken, = self.sweep()["tasks"]
        self.assertEqual((taken["rule"], taken["remedy"], taken["owner"]), ("lease", "requeue", row["owner_id"]))
        freed = self.row(task)
        self.assertEqual((freed["status"], freed["attempts"], freed["owner_id"], freed["lease_expires_at"], freed["error"]),
                         ("queued", 1, None, None, REQUEUED))
        self.finish("--no-sweep")
        done = self.row(task)
        self.assertEqual((done["status"], done["attempts"], done["lease_expires_at"]), ("completed", 1, None))
        self.assertEqual([event["act"] for event in self.json("show", task).answer["history"]], ["recover", "complete"])

    def test_two_workers_and_nobody_else(self):
        task = self.insert()
        copy = self.copy_of("seedcore", (r'interval  = "30s"', 'interval = "200ms"'), (r'beat      = "30s"', 'beat = "200ms"'))
        self.take_over("--lease", "1s", profile=copy, done=lambda: self.status(task) == "completed")
        self.assertEqual((self.row(task)["attempts"], self.row(task)["error"]), (1, REQUEUED))

    def test_three_requeues_and_no_more(self):
        """The requeue counts, the claim does not."""
        task = self.insert()
        runs = 0
        while self.reclaim("claim", "--owner", "d1", code=None).code == DONE:
            runs += 1
            self.move(task, lease_expires_at=utc(1))
            self.assertEqual(len(self.sweep()["tasks"]), 1)
        self.assertEqual(self.status(task), "failed")
        self.assertEqual(self.row(task)["error"], REQUEUED * 3 + FAILED)
        self.assertEqual((runs, self.row(task)["attempts"]), (4, 3))


class Reaper(Seedcore):
    def test_lease_is_compared_with_now(self):
        over, good = self.running(lease_expires_at=utc(1)), self.running(9999, lease_expires_at=utc(-30))
        answer = self.sweep()
        self.assertEqual([each["id"] for each in answer["tasks"]], [over])
        self.assertEqual(self.status(good), "running")

    def test_without_a_lease_the_newest_sign_decides(self):
        stale = [self.running(901, last_heartbeat=None), self.running(901, last_heartbeat=utc(5000)),
                 self.running(900, last_heartbeat=utc(5000))]  # at least so old: inclusive
        fresh = [self.running(5000, last_heartbeat=utc(890)), self.running(890, last_heartbeat=None)]
        answer = self.sweep()
        self.assertEqual({each["id"] for each in answer["tasks"]}, set(stale))
        self.assertEqual({each["rule"] for each in answer["tasks"]}, {"stale"})
        self.assertEqual([self.status(task) for task in fresh], ["running"] * 2)

    def test_budget_and_appended_errors(self):
        cases = {
            self.running(2000, attempts=0): ("queued", 1, REQUEUED),
            self.running(2000, attempts=2, error="boom"): ("queued", 3, "boom" + REQUEUED),
            self.running(2000, attempts=3, error="boom"): ("failed", 3, "boom" + FAILED),
            self.running(2000, attempts=7): ("failed", 7, FAILED),
        }
        answer = self.sweep()
        self.assertEqual((answer["requeued"], answer["failed"]), (2, 2))
        for task, wanted in cases.items():
            row = self.row(task)
            self.assertEqual((row["status"], row["attempts"], row["error"]), wanted)
            self.assertLess(scene.seconds_between(row["updated_at"], utc()), 60)

    def test_other_states_are_left_alone(self):
        tasks = {self.insert(status, 99999, owner_id="d1", lease_expires_at=utc(9999)): status
                 for status in ("created", "queued", "completed", "failed", "cancelled", "retry")}
        self.assertEqual(self.sweep()["stale"], 0)
        self.assertEqual({task: self.status(task) for task in tasks}, tasks)
        counts = self.json("status").answer
        self.assertEqual((counts["native"]["created"], counts["unmapped"]), (1, 1))

    def test_batch(self):
        for _ in range(210):
            self.running(99999)
        self.assertEqual(self.sweep()["requeued"], 200)
        self.assertEqual(self.sweep()["requeued"], 10)
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_events"), [(210,)])

    def test_settings_from_the_environment(self):
        task = self.running(100)
        self.assertEqual(self.sweep()["stale"], 0)
        self.assertEqual(self.sweep("--dry-run", env={"TASK_STALE_S": "90"})["requeued"], 1)
        self.assertEqual(self.sweep("--dry-run", env={"TASK_STALE_S": "+90"})["requeued"], 1)
        for _ in range(3):
            self.running(99999, attempts=1)
        settings = {"TASK_STALE_S": "90", "TASK_MAX_REQUEUE": "1", "TASK_REAP_BATCH": "3"}
        answer = self.sweep(env=settings)
        self.assertEqual((answer["failed"], answer["requeued"], answer["held_back"]), (3, 0, 1))
        self.assertEqual(self.status(task), "running")
        self.insert()
        claimed = self.json("claim", "--owner", "d1", env={"TASK_LEASE_S": "60"}).rows[0]
        self.assertLess(abs(scene.seconds_between(scene.zulu(), claimed["lease_expires_at"]) - 60), 30)

    def test_a_threshold_within_a_beat_counts_and_check_warns(self):
        self.running(20)
        run = self.json("sweep", "--dry-run", env={"TASK_STALE_S": "10"})
        self.assertEqual((run.answer["requeued"], run.told), (1, []))
        answer = self.json("check", env={"TASK_STALE_S": "10"}).answer
        self.assertIn(("warning", "stale"), {(f["severity"], f["subject"]) for f in answer["findings"]})

    def test_wrong_settings_are_told_once_and_never_stop_it(self):
        self.running(1000)
        for name in ("TASK_STALE_S", "TASK_MAX_REQUEUE", "TASK_REAP_BATCH", "TASK_LEASE_S"):
            for value in ("0", "-1", "x", "1e3", "900s", " 900", "99999999999999999999"):
                with self.subTest(name=name, value=value):
                    run = self.json("sweep", "--dry-run", env={name: value})
                    self.assertEqual(run.answer["requeued"], 1)
                    line, = run.told
                    self.assertIn(name, line)
                    self.assertIn(value, line)
                    self.assertIn('"level":"warning"', run.err.replace(" ", ""))
            self.assertEqual(self.json("sweep", "--dry-run", env={name: ""}).told, [])

    def test_a_failing_row_stops_nothing(self):
        bad, good = self.running(99999), self.running(9999)
        self.script(f"""CREATE TRIGGER stubborn BEFORE UPDATE ON tasks WHEN old.id = '{bad}'
                        BEGIN SELECT RAISE(ABORT, 'no way'); END""")
        run = self.json("sweep")
        self.assertEqual((run.answer["requeued"], run.answer["errors"]), (1, 1))
        self.assertIn(bad, run.err)
        self.assertEqual((self.status(bad), self.status(good)), ("running", "queued"))

    def test_a_completion_that_comes_first_stays(self):
        first, second = self.running(99999), self.running(9999)
        self.script(f"""CREATE TRIGGER race AFTER UPDATE OF status ON tasks WHEN new.id = '{first}'
                        BEGIN UPDATE tasks SET status = 'completed' WHERE id = '{second}'; END""")
        answer = self.sweep()
        self.assertEqual((answer["requeued"], answer["lost_races"]), (1, 1))
        self.assertEqual(self.status(second), "completed")
        self.assertEqual(self.row(second)["error"], None)

    def probe(self, command):
        return self.copy_of("seedcore", (r"^# Two probes", f'probe {{ command = {{ {command} }} timeout = "5s" }}\n# Two probes'))

    def test_an_owner_that_proves_to_live_is_left_alone(self):
        """Stale *and* no proof of life: the probe is asked once for each owner."""
        asked = self.folder / "asked"
        copy = self.probe(f'"sh", "-c", "echo $0 >> {asked}; test $0 = alive", "{{owner}}"')
        saved = [self.running(2000, owner="alive", lease_expires_at=utc(5)), self.running(2000, owner="alive")]
        lost = [self.running(2000, owner="dead", lease_expires_at=utc(5)), self.running(2000, owner="dead")]
        good = self.running(owner="good", lease_expires_at=utc(-100))
        answer = self.sweep(profile=copy)
        self.assertEqual((answer["vetoed"], answer["requeued"]), (2, 2))
        self.assertEqual([self.status(task) for task in saved + lost + [good]], ["running"] * 2 + ["queued"] * 2 + ["running"])
        self.assertEqual(sorted(asked.read_text().split()), ["alive", "dead"])


class Verbs(Seedcore):
    def test_claim_takes_the_oldest_that_is_due(self):
        later = self.insert(run_after=utc(-500), created_at=utc(9999))
        young = self.insert(created_at=utc(20))
        again = self.insert("retry", run_after=utc(5), created_at=utc(30))
        self.insert("created", created_at=utc(8888))
        self.assertEqual([self.claim()["id"], self.claim()["id"]], [again, young])
        self.reclaim("claim", "--owner", "d1", code=NOT_FOUND)
        row = self.row(young)
        self.assertEqual((row["status"], row["owner_id"], row["attempts"]), ("running", "d1", 0))
        self.assertEqual(self.status(later), "queued")

    def test_token_is_owner_and_attempts(self):
        self.insert(attempts=2)
        self.assertEqual(self.claim("d 7")["token"], "d 7/2")

    def test_renew(self):
        task = self.insert()
        claim = self.claim()
        self.move(task, lease_expires_at=utc(-5), last_heartbeat=utc(500))
        self.reclaim("renew", task, "--token", claim["token"])
        row = self.row(task)
        self.assertGreater(scene.seconds_between(utc(), row["lease_expires_at"]), 500)
        self.assertLess(scene.seconds_between(row["last_heartbeat"], utc()), 60)
        self.move(task, owner_id="other")
        self.reclaim("renew", task, "--token", claim["token"], code=REFUSED)
        self.move(task, owner_id="d1", status="queued")
        self.reclaim("renew", task, "--token", claim["token"], code=REFUSED)

    def test_complete(self):
        task = self.insert()
        claim = self.claim()
        self.reclaim("complete", task, "--token", claim["token"])
        row = self.row(task)
        self.assertEqual((row["status"], row["lease_expires_at"]), ("completed", None))
        self.reclaim("complete", task, "--token", claim["token"])  # a replay writes nothing
        self.assertEqual(self.row(task), row)
        self.reclaim("fail", task, "--token", claim["token"], "--error", "x", code=REFUSED)

    def test_fail_until_the_budget_is_used_up(self):
        task = self.insert()
        for attempt in (1, 2, 3):
            claim = self.claim()
            self.reclaim("fail", task, "--token", claim["token"], "--error", f"boom {attempt}", "--retry-in", "0s")
            row = self.row(task)
            self.assertEqual((row["status"], row["attempts"], row["lease_expires_at"]),
                             ("retry" if attempt < 3 else "failed", attempt, None))
            self.assertIn(f"boom {attempt}", row["error"])
        self.reclaim("claim", "--owner", "d1", code=NOT_FOUND)

    def test_fail_waits_until_run_after(self):
        task = self.insert()
        self.reclaim("fail", task, "--token", self.claim()["token"], "--error", "boom", "--retry-in", "1h")
        self.assertAlmostEqual(scene.seconds_between(utc(), self.row(task)["run_after"]), 3600, delta=30)
        self.reclaim("claim", "--owner", "d1", code=NOT_FOUND)

    def test_fail_for_good(self):
        task = self.insert()
        self.reclaim("fail", task, "--token", self.claim()["token"], "--error", "boom", "--no-retry")
        self.assertEqual((self.status(task), self.row(task)["attempts"]), ("failed", 1))

    def test_release_does_not_count(self):
        task = self.insert()
        self.reclaim("release", task, "--token", self.claim()["token"])
        row = self.row(task)
        self.assertEqual((row["status"], row["attempts"], row["owner_id"], row["lease_expires_at"]), ("queued", 0, None, None))

    def test_what_it_does_not_support(self):
        task = self.insert()
        for command in (["submit"], ["cancel", task], ["retry", task], ["beat", "--worker", "x"]):
            with self.subTest(command=command[0]):
                self.reclaim(*command, code=UNSUPPORTED)
        self.assertEqual(self.status(task), "queued")


class Startup(Seedcore):
    def test_a_dispatcher_recovers_its_own_rows(self):
        """Beat null or older than 2 min, the lease good or not; nobody else's."""
        mine = [self.running(last_heartbeat=None), self.running(last_heartbeat=utc(121)),
                self.running(last_heartbeat=utc(150), lease_expires_at=utc(-400), error="old")]
        fresh = self.running(last_heartbeat=utc(110))
        other = self.running(99999, owner="d2", last_heartbeat=utc(5000), lease_expires_at=utc(-60))
        answer = self.json("recover", "--owner", "d1").answer
        self.assertEqual({each["id"] for each in answer["tasks"]}, set(mine))
        for task in mine:
            row = self.row(task)
            self.assertEqual((row["status"], row["attempts"], row["owner_id"], row["lease_expires_at"]), ("queued", 1, None, None))
            self.assertTrue(row["error"].endswith(" | recovered on owner restart"), row)
        self.assertEqual(self.row(mine[2])["error"], "old | recovered on owner restart")
        self.assertEqual((self.status(fresh), self.status(other)), ("running", "running"))
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_events WHERE rule = 'recover'"), [(3,)])

    def test_a_stale_sweep_at_bootstrap(self):
        task = self.running(lease_expires_at=utc(5))
        self.daemon_pass()
        self.assertEqual(self.status(task), "queued")

    def test_the_owner_is_required(self):
        self.reclaim("recover", code=USAGE)


class Cleanup(Seedcore):
    def test_as_many_columns_as_a_profile_may_show(self):
        self.running(2000)
        names = [f"more_{i}" for i in range(16)]
        self.script("".join(f"ALTER TABLE tasks ADD COLUMN {name} text DEFAULT 'word';" for name in names))
        shown = ", ".join(f'"{name}"' for name in names)
        copy = self.copy_of("seedcore", (r"show        = .*", f"show = {{ {shown} }}"))
        out = self.reclaim("cleanup", "--dry-run", profile=copy).out
        self.assertEqual(out.count("word"), 16)

    def rows(self):
        self.old = self.running(2000, error="x", lease_expires_at=utc(-500), last_heartbeat=utc())
        self.older = self.running(3000, attempts=3)
        self.young = self.running(600)

    def test_by_the_age_of_updated_at_alone(self):
        self.rows()
        answer = self.json("cleanup").answer
        self.assertEqual([row["id"] for row in answer["stale"]], [self.older, self.old])  # oldest first
        shown = answer["stale"][0]
        self.assertEqual((shown["type"], shown["description"], shown["owner_id"]), ("graph", "embed it", "d1"))
        self.assertEqual(int(shown["age_s"]) // 60, 50)
        self.assertEqual((answer["before"]["running"], answer["after"]["running"]), (3, 1))
        self.assertEqual((answer["result"]["requeued"], answer["result"]["failed"]), (1, 1))
        self.assertEqual((self.status(self.old), self.row(self.old)["attempts"], self.row(self.old)["error"]),
                         ("queued", 1, "x | requeued by admin: stale RUNNING"))
        self.assertEqual((self.status(self.older), self.row(self.older)["error"]),
                         ("failed", " | failed by admin: max requeues exceeded"))
        self.assertEqual(self.status(self.young), "running")
        self.assertEqual(len(self.json("audit").rows), 2)

    def test_dry_run(self):
        self.rows()
        before = list(self.connect().iterdump())
        out = self.reclaim("cleanup", "--dry-run").out
        for piece in (self.old, self.older, "graph", "embed it", "running", "50", "33"):
            self.assertIn(piece, out)
        self.assertNotIn(self.young, out)
        self.assertEqual(list(self.connect().iterdump()), before)

    def test_options(self):
        self.rows()
        self.assertEqual(len(self.json("cleanup", "--dry-run", "--stale-minutes", "5").answer["stale"]), 3)
        answer = self.json("cleanup", "--stale-minutes", "40", "--max-attempts", "5").answer
        self.assertEqual([row["id"] for row in answer["stale"]], [self.older])
        self.assertEqual((self.status(self.older), self.row(self.older)["attempts"]), ("queued", 4))
        self.reclaim("cleanup", "--stale-minutes", "-1", code=USAGE)


class WithoutLeases(Seedcore):
    """The table as it was before the three columns: it goes by updated_at alone."""

    schema = TABLE.format(lease="") + TRIGGER

    def running(self, updated=0.0, **columns):
        return self.insert("running", updated, **columns)

    def test_sweep(self):
        stale, spent, fresh = self.running(901), self.running(901, attempts=3), self.running(890)
        answer = self.sweep()
        self.assertEqual((answer["requeued"], answer["failed"], answer["blind"]), (1, 1, 0))
        self.assertEqual((self.status(stale), self.row(stale)["attempts"], self.row(stale)["error"]), ("queued", 1, REQUEUED))
        self.assertEqual((self.status(spent), self.row(spent)["error"]), ("failed", FAILED))
        self.assertEqual(self.status(fresh), "running")
        for looking in ("status", "stale", "list", "workers", "check", "plan"):
            self.reclaim(looking)
        self.assertEqual(self.json("explain", fresh).answer["verdict"], "fine")

    def test_cleanup(self):
        task = self.running(2000)
        self.assertEqual(self.json("cleanup").answer["result"]["requeued"], 1)
        self.assertEqual(self.row(task)["error"], " | requeued by admin: stale RUNNING")

    def test_verbs_are_not_supported(self):
        task = self.insert()
        for command in (["claim", "--owner", "d1"], ["renew", task, "--token", "t"], ["complete", task, "--token", "t"],
                        ["fail", task, "--token", "t", "--error", "x"], ["release", task, "--token", "t"],
                        ["work", "--", "true"], ["recover", "--owner", "d1"]):
            with self.subTest(command=command[0]):
                self.assertIn("init", self.reclaim(*command, code=UNSUPPORTED).err)
        self.assertEqual(self.status(task), "queued")

    def test_init_adds_what_is_missing_once(self):
        task = self.running(901)
        printed = self.reclaim("init", "--print").out
        for piece in ("owner_id", "lease_expires_at", "last_heartbeat", "idx_tasks_stale_running", "idx_tasks_owner_status"):
            self.assertIn(piece, printed)
        self.assertNotIn("owner_id", self.row(task))
        for _ in range(3):
            self.reclaim("init")
        columns = [row[1] for row in self.sql("PRAGMA table_info(tasks)")]
        self.assertEqual(columns[-3:], ["owner_id", "lease_expires_at", "last_heartbeat"])
        indexes = dict(self.sql("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND name LIKE 'idx_tasks%'"))
        self.assertEqual(sorted(indexes), ["idx_tasks_owner_status", "idx_tasks_stale_running"])
        for name, column in (("idx_tasks_stale_running", "id"), ("idx_tasks_owner_status", "owner_id")):
            self.assertRegex(indexes[name], rf"\({column}\) WHERE status = 'running'$")
        self.assertEqual(self.status(task), "running")
        self.assertEqual(self.sweep()["requeued"], 1)
        claim = self.claim()
        self.reclaim("complete", task, "--token", claim["token"])
        self.assertEqual(self.status(task), "completed")

    def test_init_where_some_are_there(self):
        self.script("""ALTER TABLE tasks ADD COLUMN owner_id VARCHAR; ALTER TABLE tasks ADD COLUMN last_heartbeat DATETIME;
                       CREATE INDEX idx_tasks_stale_running ON tasks (last_heartbeat) WHERE status = 'running'""")
        self.reclaim("init")
        columns = [row[1] for row in self.sql("PRAGMA table_info(tasks)")]
        self.assertEqual(columns[-3:], ["owner_id", "last_heartbeat", "lease_expires_at"])
        kept, = self.sql("SELECT sql FROM sqlite_schema WHERE name = 'idx_tasks_stale_running'")
        self.assertIn("(last_heartbeat)", kept[0])  # an index of the old shape is left
        self.assertIn("idx_tasks_stale_running", self.reclaim("check").out)

    def test_init_twice_at_once(self):
        runs = [self.start("init") for _ in range(4)]
        self.assertEqual([run.end() for run in runs], [DONE] * 4)


if __name__ == "__main__":
    unittest.main()
