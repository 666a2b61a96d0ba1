"""Makes the application importable, with a database of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ["CLINIC_DATABASE_URI"] = f"sqlite:///{tempfile.mkdtemp()}/clinic.db"
