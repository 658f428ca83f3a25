"""Make the site of the documentation: build/site/index.html, from docs/, examples/ and what the notebooks compute.

python tools/make_site.py [--fresh]

The sources are gathered in build/site-source, so that nothing that a notebook writes lies among them. Notebooks run again only where they
have changed; `--fresh` runs all. A warning of Sphinx ends the build. The site opens from disk.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE, SITE, CACHE = ROOT / "build" / "site-source", ROOT / "build" / "site", ROOT / "build" / "site-cache"
GATHERED = ("docs", "examples", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "NOTICE")


def gather() -> None:
    """Copy what has changed, and remove what is gone."""
    wanted = set()
    for name in GATHERED:
        place = ROOT / name
        for path in (one for one in (place.rglob("*") if place.is_dir() else [place]) if one.is_file() and "__pycache__" not in one.parts):
            copy = SOURCE / path.relative_to(ROOT)
            wanted.add(copy)
            if not copy.exists() or copy.read_bytes() != path.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
    known = (*(SOURCE / "docs").rglob("*"), *(SOURCE / "examples").glob("*.ipynb"))  # what notebooks made stays
    for stale in [path for path in known if path.is_file() and path not in wanted]:
        stale.unlink()


def build() -> int:
    """Run Sphinx and return its exit code."""
    words = ["-b", "html", "-W", "--keep-going", "-q", "-j", "2", "-c", str(SOURCE / "docs"), "-d", str(CACHE), str(SOURCE), str(SITE)]
    # The frameworks say much on standard error, which would stand in the notebooks.
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    code = subprocess.run([sys.executable, "-m", "sphinx", *words], env=environment, check=False).returncode
    for page in (SOURCE / "examples").glob("*/index.html"):  # a page of a folder, which a notebook shows in a frame
        shutil.copytree(page.parent, SITE / "examples" / page.parent.name, dirs_exist_ok=True)
    return code


def main() -> int:
    """Make the site."""
    if "--fresh" in sys.argv:
        for folder in (SOURCE, SITE, CACHE):
            shutil.rmtree(folder, ignore_errors=True)
    gather()
    code = build()
    print(f"The site is in {SITE / 'index.html'}" if code == 0 else "The site has faults: see above.")
    return code


if __name__ == "__main__":
    sys.exit(main())
