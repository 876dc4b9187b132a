"""The Celery application, its queues and its timetable."""

import os

from celery import Celery
from celery.schedules import crontab
from kombu import Queue

from config.env import load_running_site

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
load_running_site()

app = Celery("wellspring")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name) for name in ("default", "compute", "inference", "webhooks", "imports")]
app.conf.task_routes = {
    "compute.tasks.run_*": {"queue": "compute"},
    "inference.tasks.generate_*": {"queue": "inference"},
    "hub.tasks.deliver_*": {"queue": "webhooks"},
    "hub.tasks.fetch_*": {"queue": "imports"},
}
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="receivers")

# What must happen even if a message was lost: each of these looks at the database, not at the queue.
app.conf.beat_schedule = {
    "mature-shares": {"task": "revenue.tasks.mature_shares", "schedule": crontab(hour=1, minute=10)},
    "seal-books": {"task": "revenue.tasks.seal_blocks", "schedule": crontab(hour=1, minute=20)},
    "reconcile-books": {"task": "revenue.tasks.reconcile", "schedule": crontab(hour=1, minute=30)},
    "reconcile-jobs": {"task": "compute.tasks.reconcile_jobs", "schedule": 3.0, "options": {"expires": 3}},
    "clear-job-folders": {"task": "compute.tasks.clear_folders", "schedule": crontab(minute=47)},
    "reconcile-orders": {"task": "licensing.tasks.reconcile_orders", "schedule": 30.0, "options": {"expires": 30}},
    "tidy-hub": {"task": "hub.tasks.tidy", "schedule": crontab(minute=17)},
    "settle-overdue-requests": {"task": "hub.tasks.settle_overdue_requests", "schedule": crontab(minute=27)},
    "send-webhooks": {"task": "hub.tasks.send_webhooks", "schedule": 10.0, "options": {"expires": 10}},
    "start-imports": {"task": "hub.tasks.start_imports", "schedule": 10.0, "options": {"expires": 10}},
    "sweep-hub": {"task": "hub.tasks.sweep", "schedule": crontab(hour=3, minute=40)},
    "refresh-trending": {"task": "hub.tasks.refresh_trending", "schedule": crontab(minute=7)},
    "count-tags": {"task": "hub.tasks.count_tags", "schedule": crontab(hour=2, minute=40)},
    "keep-hub-deadlines": {"task": "hub.tasks.keep_deadlines", "schedule": crontab(minute="*/5")},
    "sweep-inputs": {"task": "inference.tasks.sweep_inputs", "schedule": crontab(minute=37)},
    "sweep-picture-files": {"task": "inference.tasks.sweep_files", "schedule": crontab(hour=4, minute=10)},
    "relay-outbox": {"task": "common.tasks.relay_outbox", "schedule": 2.0, "options": {"expires": 2}},
    "reconcile-generations": {
        "task": "inference.tasks.reconcile_generations",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
}
