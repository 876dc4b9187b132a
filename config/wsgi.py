"""The web application, as gunicorn loads it."""

import os

from django.core.wsgi import get_wsgi_application

from config import memory
from config.env import load_running_site

memory.give_back()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
load_running_site()
application = get_wsgi_application()

# Last, because it reads the settings: tasks that requests send must find this site's broker.
from config.celery import app as celery_app  # noqa: E402

# Now, or each process would grow by the queue's client at its first task.
celery_app.connection_for_write().get_transport_cls()
