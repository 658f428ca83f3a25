"""The live page: a network on 127.0.0.1 that answers while one looks. docs/look.md describes it.

`gallery`: the images that a page can name; `sight`: what the network computes of them, kept as long as there is room; `answers`, `climbing`
and `keeping`: what a page is told, shown growing, and what it writes; `desk`: the one worker, and whose turn it is; `server`: the door.
"""

MISSING = "The live page needs two more packages. Install them with: pip install 'convscope[look]'"
