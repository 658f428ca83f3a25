import pytest

from convscope.atlases import viewer
from convscope.look import viewer as live
from convscope.render.imagemap import page
from convscope.render.site import shell

pytestmark = pytest.mark.once
BUDGET = 40_000  # bytes, as they lie on the disk


SCRIPTS = [shell.SCRIPT, shell.STYLE, viewer.SCRIPT, viewer.STYLE, live.SCRIPT, live.STYLE, page.SCRIPT]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.path)
def test_a_script_is_made_from_the_sources_beside_it(script):
    assert script.sent.decode().startswith(script.header), "Run tools/make_scripts.py."
    assert (script.kind == "css") != ('"use strict"' in script.sent.decode()) and len(script.sent) < len(script.joined)


def test_the_atlas_the_map_and_the_live_page_take_forty_kilobytes_of_script_each():
    assert len(shell.SCRIPT.sent) + len(viewer.SCRIPT.sent) <= BUDGET
    assert len(page.SCRIPT.sent) <= BUDGET
    assert len(shell.SCRIPT.sent) + len(live.SCRIPT.sent) <= BUDGET
