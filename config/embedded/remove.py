"""`python -m config.embedded.remove var`: delete a data directory with its database cluster."""

import shutil
import sys
from pathlib import Path

from config.embedded.postgres import EmbeddedPostgres

if __name__ == "__main__":
    data = Path(sys.argv[1])
    EmbeddedPostgres(data / "postgres", 0).destroy()
    shutil.rmtree(data, ignore_errors=True)
