"""How Sphinx makes the site from docs/*.md and the notebooks of examples/; tools/make_site.py calls it."""

from pathlib import Path

import convscope

project = "convscope"
author = "The convscope developers"
copyright = f"{author}. Apache-2.0"
version = release = convscope.__version__

extensions = ["myst_nb", "sphinx_copybutton"]
root_doc = "docs/index"
include_patterns = ["docs/**", "examples/*.ipynb", "CONTRIBUTING.md", "CHANGELOG.md"]
exclude_patterns = ["docs/conf.py", "docs/pictures/**"]
templates_path = ["templates"]

# Links go where GitHub's go: to files, and to headings by their words.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist", "attrs_block"]
myst_links_external_new_tab = False

# Each notebook runs in a process of its own, in a folder of its own. One that raises ends the build.
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parents[2] / "site-cache" / "notebooks")
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"  # what the frameworks say when they start
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = "convscope"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_additional_pages = {"index": "door.html"}  # the site's first address leads to docs/index.html
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1d4ed8", "color-brand-content": "#1d4ed8"},
    "dark_css_variables": {"color-brand-primary": "#93b4ff", "color-brand-content": "#93b4ff"},
}
