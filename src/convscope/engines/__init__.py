"""Who works: this process, several, a cluster, or whatever a user brings. Each is an `Engine`."""

from .choice import ENGINES, engine_of, using
from .engine import EVERYWHERE, MACHINE, PROCESS, Engine, Serial, Workers, reach_of
from .processes import Processes

__all__ = ["ENGINES", "EVERYWHERE", "MACHINE", "PROCESS", "Engine", "Processes", "Serial", "Workers", "engine_of", "reach_of", "using"]
