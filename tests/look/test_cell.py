"""The live page in a notebook and in a program: it answers beside them."""

import subprocess
import sys
import urllib.request

import pytest

import convscope

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.once


def test_the_page_answers_beside_the_program_until_it_is_stopped(tmp_path):
    page = convscope.live("fashion", "sample:fashion[0-1]", layers="dense1", out=tmp_path)
    try:
        with urllib.request.urlopen(page.address, timeout=120) as answer:
            assert answer.status == 200 and b"<!doctype html>" in answer.read(200)
        assert f'<iframe src="{page.address}"' in page._repr_html_()
        assert repr(page) == f"LivePage({page.address})"
    finally:
        page.stop()
    assert repr(page) == "LivePage(stopped)"


def test_without_its_packages_the_page_is_refused():
    code = """
import sys
class Without:
    def find_spec(name, path, target=None):
        if name.partition(".")[0] in ("starlette", "uvicorn"): raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without)
import convscope
try: convscope.live("fashion")
except convscope.ConvscopeError as error: print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'convscope[look]'" in found.stdout, found.stderr
