"""The prompt as a state machine without I/O: a place (place.py), what a line means there (lines.py, forms.py), and the questions of the
guide (guide.py). Front ends show the events and hand in the lines.
"""
