"""Every benchmark can be imported, so that none uses what the library no longer has."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "benchmarks"


def test_benchmarks_import() -> None:
    names = [path.stem for path in sorted(FOLDER.glob("*.py"))]
    assert len(names) > 10
    done = subprocess.run(
        [sys.executable, "-c", f"import {', '.join(names)}"], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
