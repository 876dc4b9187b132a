"""What every test shares. The database is started by config/settings/test.py."""

import os

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

from tests.support.site_server import site, site_process  # noqa: E402, F401 - fixtures
