"""The files that convscope writes for later, one module a format: its schema number, its writer and its reader. Plain data, no drawing.

A reader ignores entries that it does not know, and refuses a larger schema number. `tests/golden` holds a file of each format that an
older convscope wrote.
"""
