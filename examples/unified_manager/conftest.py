"""Makes the application importable, with a database of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ["CONSOLE_DATABASE_URL"] = f"sqlite:///{tempfile.mkdtemp()}/console.db"
