"""Django-Q with its ORM broker. The verbs are those of verbs.mjs; Debian's Python runs it."""
import json
import os
import sys
import time
from urllib.parse import urlparse

VERB, URL, OPTIONS = sys.argv[1], urlparse(sys.argv[2]), json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}")
# The cluster's processes have no standard input of their own.
GATE = os.dup(0)

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": URL.path[1:], "USER": URL.username, "HOST": URL.hostname,
        "PORT": URL.port,
    }},
    INSTALLED_APPS=["django_q"],
    SECRET_KEY="test",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    LOGGING_CONFIG=None,
    # Its own cluster takes again what was taken a day ago: nobody but us is quicker.
    Q_CLUSTER={"name": "test", "orm": "default", "workers": 1, "retry": 86400, "timeout": 80000, "poll": 0.1,
               "log_level": "ERROR", "catch_up": False},
)
django.setup()

from django.core.management import call_command
from django_q.cluster import Cluster
from django_q.models import OrmQ, Task
from django_q.tasks import async_task


def letter(to=None):
    """A job that lasts until standard input ends."""
    print("started", to, flush=True)
    while os.read(GATE, 100):
        pass


def show(task):
    queued = [row for row in OrmQ.objects.all() if row.task_id() == task]
    done = Task.objects.filter(id=task).first()
    return {
        "queued": {"id": queued[0].pk, "lock": queued[0].lock.isoformat()} if queued else None,
        "task": {"success": done.success, "attempt_count": done.attempt_count} if done else None,
    }


def work(count=1):
    before = Task.objects.count()
    cluster = Cluster()
    cluster.start()
    while Task.objects.count() < before + count:
        time.sleep(0.05)
    for task in Task.objects.order_by("stopped")[before:]:
        print("finished", task.id, flush=True)
    cluster.stop()


# The cluster's processes look for the job's function by the name of its module.
sys.modules["djangoq"] = sys.modules["__main__"]
if VERB == "setup":
    call_command("migrate", verbosity=0)
elif VERB == "submit":
    print(json.dumps(async_task("djangoq.letter", OPTIONS.get("to"))))
elif VERB == "show":
    print(json.dumps(show(OPTIONS["id"])))
elif VERB == "work":
    work(**OPTIONS)
else:
    sys.exit(f"unknown verb '{VERB}'; allowed: setup, submit, work, show")
