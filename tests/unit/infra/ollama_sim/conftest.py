"""Make the simulator importable: its folder has a dash, so it is no package of ours."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4] / "infra" / "ollama-sim"))
