"""What a pass does beside the plain remedies: a plan of claims, conflicts with unique indexes, recoveries counted by the
audit, backoff, error entries, cancelling."""
import json
import unittest
from datetime import datetime

from scene import DONE, NOT_FOUND, USAGE, Scene

SCHEMA = """
CREATE TABLE jobs (id VARCHAR(40) NOT NULL PRIMARY KEY, name VARCHAR(40), slot VARCHAR(40) UNIQUE,
    state VARCHAR(10) NOT NULL DEFAULT 'new', who VARCHAR(80), beat BIGINT, due BIGINT, tries INTEGER NOT NULL DEFAULT 0,
    error VARCHAR(4000));
"""

PROFILE = """
ledger = "jobs"
table  = "jobs"
key    = { "id" }
columns {
    state = "state"
    owner = "who"
    beat_at = "beat"
    due_at = "due"
    attempts = "tries"
    error = "error"
    time = "epoch-ms"
    %(token)s
}
states { ready = { "new" } running = { "run" } completed = { "done" } failed = { "bad" } cancelled = { "off" } stuck = { "odd" } }
rule silent { when = "heartbeat" after = "1s" then = "%(then)s" reason = "silent for {age_s}s" error = "lost by {owner}" }
limits { beat = "200ms" interval = "1s" }
requeue { set = { "who = NULL", "beat = NULL"%(set)s } }
%(verbs)s
%(more)s
"""
VERBS = """
verbs {
    claim { order = "id" due = "due" set = { "who = {owner}", "beat = {now}", "tries = tries + 1" } }
    renew { set = { "beat = {now}" } }
    complete { set = { "slot = NULL" } }
    fail { set = { "error = {error}" } }
    release { set = { "who = NULL", "beat = NULL" } }
}
"""
TOKEN = 'token = { "who", "tries" }'


class Jobs(Scene):
    schema = SCHEMA
    then, set, more, token = "requeue", "", "", TOKEN

    def setUp(self):
        super().setUp()
        self.profile = self.write_profile()

    def write_profile(self, **changes):
        words = {"then": self.then, "set": self.set, "more": self.more, "token": self.token, "verbs": VERBS, **changes}
        path = self.folder / "jobs.conf"
        path.write_text(PROFILE % words, encoding="utf-8")
        path.chmod(0o600)
        return path

    def new(self, *ids, **columns):
        for each in ids:
            self.add("jobs", id=each, **columns)

    def row(self, task):
        return self.dicts("SELECT * FROM jobs WHERE id = ?", task)[0]

    def states(self):
        return dict(self.sql("SELECT id, state FROM jobs"))

    def claim(self, owner="gone", count=1):
        return {row["id"]: row for row in self.json("claim", "--owner", owner, "--count", count).rows}

    def dry(self, *options):
        return self.json("sweep", "--dry-run", *options).answer

    def sweep(self, *options, **more):
        return self.json("sweep", *options, **more).answer

    def until_stale(self, count):
        self.row_count()  # a file that was being written when its worker was killed is mended by who may write it
        return self.until(lambda: (lambda answer: answer["stale"] == count and answer)(self.dry()), f"{count} stale claims")

    def row_count(self):
        return self.sql("SELECT count(*) FROM jobs")[0][0]

    def audit(self, task):
        return self.json("audit", "--task", task).rows

    def beats_on(self, task):
        self.sql("UPDATE jobs SET beat = beat + 3600000 WHERE id = ?", task)


class Only(Jobs):
    """`sweep --only`: exactly the claims of a plan that are still the same."""

    def plan(self, answer, *left_out):
        path = self.folder / "plan.json"
        answer = {**answer, "tasks": [task for task in answer["tasks"] if task["id"] not in left_out]}
        path.write_text(json.dumps(answer, indent=1), encoding="utf-8")
        return path

    def test_a_killed_worker(self):
        self.new("a")
        worker = self.busy("--no-sweep")
        worker.kill()
        plan = self.plan(self.until_stale(1))
        answer = self.sweep("--only", plan)
        self.assertEqual((answer["requeued"], answer["no_longer_the_same"], answer["not_in_the_plan"]), (1, 0, 0))
        self.assertEqual([task["id"] for task in answer["tasks"]], ["a"])
        self.finish()
        self.assertEqual(self.states(), {"a": "done"})
        again = self.sweep("--only", plan)
        self.assertEqual((again["requeued"], again["no_longer_the_same"]), (0, 1))
        self.assertEqual(self.reclaim("sweep", "--only", plan).out, "0 in flight, 0 stale, 1 no longer the same\n")
        self.assertEqual(again["changed_tasks"], [{"id": "a", "reason": "it is completed now"}])
        self.assertEqual(len([row for row in self.audit("a") if row["act"] == "recover"]), 1)

    def test_what_changed_in_between(self):
        self.new("same", "beats", "finished", "again", "deleted", "unplanned", "reclaimed")
        claims = self.claim(count=7)
        plan = self.plan(self.until_stale(7), "unplanned")
        self.beats_on("beats")
        self.reclaim("complete", "finished", "--token", claims["finished"]["token"])
        self.sql("DELETE FROM jobs WHERE id = 'deleted'")
        for task in ("again", "reclaimed"):
            self.reclaim("release", task, "--token", claims[task]["token"])
        self.assertEqual(self.claim(count=1).keys(), {"again"})  # by the same owner
        self.assertEqual(self.claim("other").keys(), {"reclaimed"})
        self.until_stale(4)
        before = {row[0]: row for row in self.sql("SELECT * FROM jobs")}
        dry = self.sweep("--dry-run", "--only", plan)
        self.assertEqual({row[0]: row for row in self.sql("SELECT * FROM jobs")}, before)
        run = self.json("sweep", "--only", plan)
        for answer in (dry, run.answer):
            self.assertEqual([task["id"] for task in answer["tasks"]], ["same"])
            self.assertEqual((answer["stale"], answer["requeued"], answer["held_back"]), (4, 1, 0))
            self.assertEqual((answer["no_longer_the_same"], answer["not_in_the_plan"]), (5, 1))
            self.assertEqual({task["id"]: task["reason"] for task in answer["changed_tasks"]}, {
                "again": "it was claimed again, or changed, since", "reclaimed": "it was claimed again, or changed, since",
                "beats": "no rule finds it stale now", "finished": "it is completed now", "deleted": "there is no such task now"})
        self.assertIn("task again: left as it is: it was claimed again, or changed, since", run.err)
        after = {row[0]: row for row in self.sql("SELECT * FROM jobs")}
        self.assertEqual(self.row("same")["state"], "new")
        del before["same"], after["same"]
        self.assertEqual(after, before)

    def test_the_verdict_must_be_the_same(self):
        self.new("a", "b")
        self.claim(count=2)
        plan = self.plan(self.until_stale(2))
        self.write_profile(then="fail")
        answer = self.sweep("--only", plan)
        self.assertEqual((answer["failed"], answer["no_longer_the_same"]), (0, 2))
        self.assertEqual(answer["changed_tasks"][0]["reason"],
                         "the verdict was requeue by rule silent, and is fail by rule silent now")
        self.assertEqual(set(self.states().values()), {"run"})

    def test_without_a_token(self):
        self.new("a", "b", "c")
        self.claim(count=3)
        self.write_profile(token="", verbs="")  # which need one
        answer = self.until_stale(3)
        self.assertEqual({task["token"] for task in answer["tasks"]}, {None})
        self.assertEqual(len({task["fingerprint"] for task in answer["tasks"]}), 3)
        plan = self.plan(answer)
        self.sql("UPDATE jobs SET beat = beat + 1 WHERE id = 'b'")  # claimed again by the same owner: its times are others
        self.sql("UPDATE jobs SET who = 'other' WHERE id = 'c'")
        answer = self.sweep("--only", plan)
        self.assertEqual(([task["id"] for task in answer["tasks"]], answer["no_longer_the_same"]), (["a"], 2))
        self.assertEqual(self.states(), {"a": "new", "b": "run", "c": "run"})

    def test_the_cap_counts(self):
        self.new(*"abcde")
        self.claim(count=5)
        plan = self.plan(self.until_stale(5), "a")
        answer = self.sweep("--only", plan, "--limit", 2)
        self.assertEqual((answer["requeued"], answer["held_back"], answer["not_in_the_plan"], answer["no_longer_the_same"]),
                         (2, 2, 1, 0))
        self.assertEqual(self.states(), {"a": "run", "b": "new", "c": "new", "d": "run", "e": "run"})

    def test_from_a_pipe(self):
        self.new("a")
        self.claim()
        plan = self.plan(self.until_stale(1))
        self.assertEqual(self.sweep("--only", "-", stdin=plan.read_text())["requeued"], 1)

    def test_what_is_refused(self):
        self.new("a")
        self.claim()
        answer = self.until_stale(1)
        path, allowed = self.folder / "plan.json", "; allowed: what `reclaim --json sweep --dry-run` prints"
        task = answer["tasks"][0]
        for text, says in (
                ('{\n"profile": "jobs",\n', f"plan '{path}': line 3: "),
                ("", f"plan '{path}': line 1: "),
                ("[]", f"plan '{path}' has no 'profile'{allowed}"),
                ('{"profile": "jobs"}', f"plan '{path}' has no 'tasks'{allowed}"),
                ({**answer, "profile": "foundry"}, f"plan '{path}' is of ledger 'foundry'; allowed: one of this ledger, 'jobs'"),
                ({**answer, "dry_run": False}, f"plan '{path}' is of a pass that was no dry run{allowed}"),
                ({**answer, "tasks": [7]}, f"plan '{path}': task 1 is no object{allowed}"),
                ({**answer, "tasks": [task, {**task, "id": 7}]}, f"plan '{path}': task 2: 'id' is no text{allowed}"),
                ({**answer, "tasks": [{"id": "a"}]}, f"plan '{path}': task 1: 'rule' is missing{allowed}"),
                ({**answer, "tasks": [{**task, "remedy": "mend"}]},
                 f"plan '{path}': task 1: remedy 'mend'; allowed: report, requeue, fail, stuck, cancel"),
                ({**answer, "tasks": [task, task]}, f"plan '{path}': task 'a' stands in it twice; allowed: once")):
            path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
            self.assertIn(says, self.reclaim("sweep", "--only", path, code=USAGE).err)
        missing = self.folder / "none.json"
        self.assertIn(f"plan '{missing}' can't be read: No such file", self.reclaim("sweep", "--only", missing, code=USAGE).err)
        self.assertEqual(self.states(), {"a": "run"})


class Conflict(Jobs):
    """A requeue that a unique index of the host refuses."""

    set = ', "slot = name"'
    more = 'conflict = "fail"'

    def test_a_killed_worker(self):
        self.new("a", name="one")
        self.busy("--no-sweep").kill()
        self.new("b", name="one", slot="one")  # takes the place meanwhile
        self.until_stale(1)
        answer = self.sweep()
        self.assertEqual((answer["requeued"], answer["failed"], answer["errors"]), (0, 1, 0))
        task = answer["tasks"][0]
        self.assertEqual((task["id"], task["remedy"], task["to"]), ("a", "fail", "failed"))
        self.assertRegex(task["reason"], r"^silent for \d+s; fail instead of requeue: a unique index refuses it: .*slot")
        told, = self.audit("a")
        self.assertEqual((told["to"], told["rule"], told["reason"]), ("failed", "silent", task["reason"]))
        self.assertEqual(self.states(), {"a": "bad", "b": "new"})
        self.finish()
        self.assertEqual(self.states(), {"a": "bad", "b": "done"})

    def test_one_of_two(self):
        """Neither waits when the pass begins; the first has its place back, the second finds it taken."""
        self.new("a", "b", name="one")
        self.new("c", name="other")
        self.claim(count=3)
        self.until_stale(3)
        answer = self.sweep()
        self.assertEqual((answer["requeued"], answer["failed"], answer["errors"], answer["held_back"]), (2, 1, 0, 0))
        self.assertEqual(self.states(), {"a": "new", "b": "bad", "c": "new"})
        self.assertEqual([len(self.audit(task)) for task in "abc"], [1, 1, 1])

    def test_without_a_policy_it_is_left_and_named(self):
        self.write_profile(more="")
        self.new("a", "b", name="one")
        self.claim(count=2)
        self.until_stale(2)
        run = self.json("sweep")
        self.assertEqual((run.answer["requeued"], run.answer["errors"]), (1, 1))
        self.assertIn("task b: ", run.err)
        self.assertIn("a unique index refuses it", run.err)
        self.assertEqual(self.states(), {"a": "new", "b": "run"})

    def test_other_refusals_are_no_conflict(self):
        self.write_profile(set=', "slot = name", "state = NULL"'.replace(', "state = NULL"', ', "tries = NULL"'))
        self.new("a", name="one")
        self.claim()
        self.until_stale(1)
        answer = self.sweep()
        self.assertEqual((answer["failed"], answer["errors"]), (0, 1))
        self.assertEqual(self.states(), {"a": "run"})


class Counted(Jobs):
    """A budget of recoveries that our own audit keeps."""

    more = 'budget { recoveries = 2 kept = "audit" within = "1h" last_resort = "fail" }'

    def test_killed_again_and_again(self):
        self.new("a", "b")
        for before in range(2):
            self.busy("--no-sweep").kill()
            self.until_stale(1)
            self.assertIn("requeue it (within the cap", self.reclaim("explain", "a").out)
            answer = self.sweep()
            self.assertEqual((answer["requeued"], answer["tasks"][0]["recoveries"]), (1, before))
        self.busy("--no-sweep").kill()
        dry = self.until_stale(1)
        self.assertEqual((dry["failed"], dry["tasks"][0]["remedy"], dry["tasks"][0]["recoveries"]), (1, "fail", 2))
        self.assertIn("budget is used up", self.reclaim("explain", "a").out)
        self.assertEqual(self.json("stale").rows[0]["remedy"], "fail")
        answer = self.sweep()
        self.assertEqual((answer["requeued"], answer["failed"]), (0, 1))
        self.assertEqual(self.states(), {"a": "bad", "b": "new"})
        self.finish()
        self.assertEqual(self.states(), {"a": "bad", "b": "done"})

    def test_other_tasks_have_their_own(self):
        self.new("a", "b", "c")
        for count in (1, 2, 3):
            self.sql("UPDATE jobs SET due = NULL")
            self.claim(count=count)
            self.until_stale(count)
            self.sweep()
        answer = self.json("audit").rows
        self.assertEqual({task: len([row for row in answer if row["id"] == task]) for task in "abc"}, {"a": 3, "b": 2, "c": 1})
        self.assertEqual(self.states(), {"a": "bad", "b": "new", "c": "new"})


class Written(Jobs):
    """What a remedy writes: when the task is due again, and the error as an object."""

    set = ', "due = {now+retry}"'
    more = ('backoff { first = "100s" factor = 3 max = "500s" }\n'
            'error { mode = "replace" entry { attempt = "{attempts}" at = "{at}" by = "{owner}" text = "{error}" left = "{recoveries}" } }')

    def test_killed(self):
        self.new("a")
        for wait in (100, 300, 500):
            self.sql("UPDATE jobs SET due = NULL")
            worker = self.busy("--no-sweep")
            worker.kill()
            self.until_stale(1)
            answer = self.sweep()
            now = answer["at"]
            row = self.row("a")
            entry = json.loads(row["error"])
            self.assertEqual((entry["attempt"], entry["at"], entry["left"]), (row["tries"], now, None))
            self.assertEqual(entry["text"], "lost by " + entry["by"])
            began = datetime.fromisoformat(now.replace("Z", "+00:00")).timestamp()
            self.assertAlmostEqual(row["due"] / 1000 - began, wait, delta=5)
        self.assertEqual(self.reclaim("claim", "--owner", "early", code=NOT_FOUND).out, "")

    def test_a_failing_job(self):
        """The worker's own errors are objects, too."""
        self.new("a")
        token = self.claim("ann")["a"]["token"]
        self.reclaim("fail", "a", "--token", token, "--error", 'it "broke"', "--no-retry")
        entry = json.loads(self.row("a")["error"])
        self.assertEqual((entry["attempt"], entry["by"], entry["text"], entry["left"]), (1, "ann", 'it "broke"', None))


class Woken(Jobs):
    """What belongs to a remedy: statements for each row, and one that tells the host's workers."""

    schema = SCHEMA + "CREATE TABLE bells (rung INTEGER); CREATE TABLE slots (name VARCHAR(40), holder VARCHAR(80), task VARCHAR(40));"
    more = 'wake = "INSERT INTO bells VALUES (1)"'

    def write_profile(self, **changes):
        path = super().write_profile(**changes)
        run = 'run = { "UPDATE slots SET holder = NULL, task = {id} WHERE name = {old:name} AND holder = {old:who}" }\n    set = { "who = NULL"'
        path.write_text(path.read_text(encoding="utf-8").replace('requeue { set = { "who = NULL"', "requeue { " + run), encoding="utf-8")
        return path

    def bells(self):
        return self.sql("SELECT count(*) FROM bells")[0][0]

    def test_killed(self):
        self.new("a", name="one")
        self.busy("--no-sweep").kill()
        who = self.row("a")["who"]
        self.sql("INSERT INTO slots VALUES ('one', ?, NULL), ('one', 'another', NULL), ('two', ?, NULL)", who, who)
        self.until_stale(1)
        self.assertEqual(self.bells(), 0)
        self.sweep()
        self.assertEqual((self.row("a")["state"], self.bells()), ("new", 1))
        self.assertEqual(sorted(self.sql("SELECT name, coalesce(holder, '-'), coalesce(task, '-') FROM slots")),
                         sorted([("one", "-", "a"), ("one", "another", "-"), ("two", who, "-")]))
        self.finish()

    def test_once_a_transaction(self):
        self.new("a", "b", "c")
        self.claim(count=3)
        self.until_stale(3)
        self.assertEqual(self.sweep()["requeued"], 3)
        self.assertEqual(self.bells(), 1)

    def test_not_for_what_is_not_requeued(self):
        self.write_profile(then="fail")
        self.new("a")
        self.claim()
        self.until_stale(1)
        self.assertEqual(self.sweep()["failed"], 1)
        self.assertEqual(self.bells(), 0)

    def test_a_bell_that_can_not_be_rung_holds_the_row_back(self):
        self.new("a")
        self.claim()
        self.until_stale(1)
        profile = self.write_profile(more='wake = "INSERT INTO bells SELECT count(*) / 0 FROM no_such_table"')
        answer = self.json("sweep", profile=profile, code=None)
        self.assertEqual(self.states(), {"a": "run"}, answer.out + answer.err)


class Told(Jobs):
    """What the row says of itself: whether a rule is about it, how long it may take, whether its worker lives."""

    schema = SCHEMA.replace("error VARCHAR", "expire INTEGER, pinned INTEGER NOT NULL DEFAULT 0, lives INTEGER, error VARCHAR")

    def write_profile(self, **changes):
        path = super().write_profile(**changes)
        text = path.read_text(encoding="utf-8").replace(
            'when = "heartbeat" after = "1s"', 'when = "heartbeat" after = "1s" after_column = "expire" where = "pinned = 0" unless = "alive"'
        ).replace('state = "state"', 'state = "state"\n    alive = "lives"')
        path.write_text(text.replace("rule silent", 'rule proof { when = "evidence" then = "fail" }\nrule silent'), encoding="utf-8")
        return path

    def test_killed(self):
        self.new("a", "patient", "eager", "never", "pinned", "alive", "dead")
        self.busy("--no-sweep", tasks=1).kill()
        self.claim(count=6)
        for column, value, task in (("expire", 3600, "patient"), ("expire", 0, "eager"), ("expire", -1, "never"),
                                    ("pinned", 1, "pinned"), ("lives", 1, "alive"), ("lives", 0, "dead")):
            self.sql(f"UPDATE jobs SET {column} = ? WHERE id = ?", value, task)
        self.until(lambda: (lambda answer: answer["stale"] == 3 and answer["vetoed"] == 1)(self.dry()), "three, and one that lives")
        answer = self.sweep()
        self.assertEqual({task["id"]: task["rule"] for task in answer["tasks"]}, {"a": "silent", "eager": "silent", "dead": "proof"})
        self.assertEqual(answer["vetoed"], 1)
        self.assertEqual(self.states(), {"a": "new", "patient": "run", "eager": "new", "never": "run", "pinned": "run", "alive": "run",
                                         "dead": "bad"})
        self.assertIn("a row that its `where` leaves out", self.reclaim("explain", "pinned").out)
        self.finish()
        self.assertEqual((self.states()["a"], self.states()["eager"]), ("done", "done"))


class Cancelled(Jobs):
    then = "cancel"

    def test_killed(self):
        self.new("a", "b")
        self.busy("--no-sweep").kill()
        dry = self.until_stale(1)
        self.assertEqual((dry["cancelled"], dry["tasks"][0]["to"]), (1, "cancelled"))
        self.assertIn("would cancel", self.reclaim("sweep", "--dry-run").out)
        daemon = self.start("run", "--interval", "1h")
        self.until(lambda: any("swept: 0 requeued, 0 failed, 0 stuck, 1 cancelled" in line for line in daemon.told), "the pass")
        daemon.stop()
        self.assertEqual(self.states(), {"a": "off", "b": "new"})
        told, = self.audit("a")
        self.assertEqual((told["act"], told["from"], told["to"]), ("recover", "running", "cancelled"))
        status = self.json("status").answer
        self.assertEqual((status["tasks"]["cancelled"], status["last_sweep"]["cancelled"]), (1, 1))
        self.assertIn("1 cancelled", self.reclaim("status").out)
        self.assertEqual(self.reclaim("sweep", code=DONE).out.splitlines()[-1], "0 in flight, 0 stale")
        self.finish()
        self.assertEqual(self.states(), {"a": "off", "b": "done"})


if __name__ == "__main__":
    unittest.main()
