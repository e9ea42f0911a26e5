"""The known ledgers on one engine; see play.py."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import play  # noqa: E402

Known = play.tests_on(play.Sqlite)
