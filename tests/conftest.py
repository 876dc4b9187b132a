"""What every test shares. The database is started by config/settings/test.py."""

import os

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
# Torch's threads wait asleep: spinning ones make everything crawl when the cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from tests.support.site_server import site, site_process  # noqa: F401 - fixtures
