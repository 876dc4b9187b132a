"""The Celery application, its queues and its timetable."""

import os

from celery import Celery
from kombu import Queue

from config.env import load_running_site

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
load_running_site()

app = Celery("wellspring")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name) for name in ("default", "compute", "inference")]
app.conf.task_routes = {
    "compute.tasks.run_*": {"queue": "compute"},
    "inference.tasks.generate_*": {"queue": "inference"},
}
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="receivers")

# What must happen even if a message was lost: each of these looks at the database, not at the queue.
app.conf.beat_schedule = {
    "relay-outbox": {"task": "common.tasks.relay_outbox", "schedule": 2.0, "options": {"expires": 2}},
}
