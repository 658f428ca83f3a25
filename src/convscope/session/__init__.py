"""The interactive session as a state machine: (state, answer) -> (new state, events). It never prints and never asks.

    model -> layer -> units -> method -> images -> options -> result, and again, until quit

A front end shows the events and hands back answers; `Question.text` is for people, `Choice.value` for the machine. An answer that cannot
be used raises ConvscopeError and leaves the state as it was.
"""

from .answers import advance, start
from .running import script
from .state import BACK, QUIT, WHOLE, Choice, Ended, Question, State, Step, Told

__all__ = ["BACK", "QUIT", "WHOLE", "Choice", "Ended", "Question", "State", "Step", "Told", "advance", "script", "start"]
