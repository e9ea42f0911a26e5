"""django_q_ormq as Django-Q's migrations make it, with the dequeue and the acknowledgement of its ORM broker.

Its `retry` is a minute here, as the profile says it; what the profile leaves to be said is its rule's threshold.
"""
from play import Host

KEY = {"postgres": "serial PRIMARY KEY", "mariadb": "integer AUTO_INCREMENT PRIMARY KEY",
       "sqlite": "integer NOT NULL PRIMARY KEY AUTOINCREMENT"}
TIME = {"postgres": "timestamp with time zone", "mariadb": "datetime(6)", "sqlite": "datetime"}
NOW = {"postgres": "now()", "mariadb": "utc_timestamp(6)", "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')"}
AGO = {"postgres": "now() - interval '60 seconds'", "mariadb": "utc_timestamp(6) - interval 60 second",
       "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-60 seconds')"}


class DjangoQ(Host):
    profile = "django-q"
    engines = ("postgres", "mariadb", "sqlite")

    def schema(self, engine):
        quoted = ("`key`", "`lock`") if engine.name == "mariadb" else ('"key"', '"lock"')
        return (f"CREATE TABLE django_q_ormq (id {KEY[engine.name]}, {quoted[0]} varchar(100) NOT NULL, payload text NOT NULL, "
                f"{quoted[1]} {TIME[engine.name]} NULL)")

    def column(self, play):
        return "`lock`" if play.server.name == "mariadb" else '"lock"'

    def submit(self, play):
        key = "`key`" if play.server.name == "mariadb" else '"key"'
        play.sql(f"INSERT INTO django_q_ormq ({key}, payload, {self.column(play)}) "
                 f"VALUES ('default', 'signed', {AGO[play.server.name]})")
        return play.cell("SELECT max(id) FROM django_q_ormq")

    def dequeue(self, play):
        engine, lock = play.server.name, self.column(play)
        free = f"SELECT min(id) FROM django_q_ormq WHERE {lock} < {AGO[engine]}"
        if engine == "mariadb":
            return (f"SET @task = ({free}); UPDATE django_q_ormq SET {lock} = {NOW[engine]} WHERE id = @task; "
                    "SELECT id FROM django_q_ormq WHERE id = @task")
        return f"UPDATE django_q_ormq SET {lock} = {NOW[engine]} WHERE id = ({free}) RETURNING id"

    def finish(self, play, task):
        play.sql(f"DELETE FROM django_q_ormq WHERE id = {task}")

    def story_as_it_stands(self, play):
        """Tasks in flight and tasks that wait are told apart by `retry`; nothing is taken before somebody has said when."""
        task, waiting = self.submit(play), self.submit(play)
        worker = play.claim_when_due(self.dequeue(play))
        tasks = play.status()["tasks"]
        play.assertEqual((worker.task, tasks["running"], tasks["ready"]), (task, 1, 1))
        worker.kill()
        answer = play.sweep()
        play.assertEqual((answer["in_flight"], answer["stale"], answer["blind"]), (1, 0, 0))
        play.recovered(play.quick(taken="300ms"), id=task)
        for each in (task, waiting):
            play.assertEqual(play.claim(self.dequeue(play)).task, each)
            self.finish(play, each)

    def story_taken(self, play):
        """Its cluster was killed: free again long before `retry` is over, and another one finishes it."""
        task = self.submit(play)
        play.claim_when_due(self.dequeue(play)).kill()
        play.recovered(play.quick(taken="300ms"), id=task, rule="taken", remedy="requeue")
        play.assertEqual(play.status()["tasks"]["ready"], 1)
        play.assertEqual(play.claim(self.dequeue(play)).task, task)
        self.finish(play, task)
        play.assertEqual(play.cell("SELECT count(*) FROM django_q_ormq"), "0")

    def story_poison(self, play):
        """A task that has killed three clusters is only reported, once; it comes back by Django-Q's own `retry`."""
        task = self.submit(play)
        profile = play.quick((r"recoveries  = 3", "recoveries = 1"), taken="300ms")
        play.claim_when_due(self.dequeue(play)).kill()
        play.recovered(profile, id=task, remedy="requeue")
        play.claim(self.dequeue(play)).kill()
        told = play.until(lambda: play.sweep(profile=profile)["tasks"], "the report")
        play.assertEqual((told[0]["id"], told[0]["remedy"], told[0]["recoveries"]), (task, "report", 1))
        play.claim_nothing(self.dequeue(play))
        play.sql(f"UPDATE django_q_ormq SET {self.column(play)} = {AGO[play.server.name]}")  # a minute later
        play.assertEqual(play.claim_when_due(self.dequeue(play)).task, task)
        self.finish(play, task)
