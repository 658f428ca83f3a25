import pytest

from convscope.render.site.scripts import script, shortened

pytestmark = pytest.mark.once

SOURCE = """/* What it is:
   more. */
"use strict";
(() => {
  const a = 0.5, b = "a  =  b", c = `x  ${a}`; // why
  // a line
  const twice = (x) => x * 2 + 1;
  if (a > 0 && b) { twice(a); }
})();
"""


def test_comments_and_spaces_go_and_strings_stay():
    assert shortened(SOURCE) == '(()=>{const a=.5,b="a  =  b",c=`x  ${a}`;const twice=x=>x*2+1;if(a>0&&b){twice(a)}\n})();'


def test_a_script_says_where_its_sources_are():
    assert script("render/site", ["let a = 1;\n"]).startswith(
        b"/* A page of convscope, Apache-2.0; the commented sources are in convscope/render/site."
    )
