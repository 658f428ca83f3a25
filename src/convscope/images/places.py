"""Whether those who will read images can: what a worker on another machine must see, asked before anything starts."""

import os
from collections.abc import Iterable

from ..errors import ImageError
from ..reach import EVERYWHERE, PROCESS
from .source import ArraySource, Source

# What images in memory may take that are sent to other machines with the work.
MOST_SENT = 2**30
# So many places are looked at on each worker; the images of one folder or archive share theirs.
MOST_PLACES = 256


def check_reach(sources: Iterable[Source], reach: str) -> tuple[str, ...]:
    """Return the places that each worker must see, for an engine whose workers are as far as `reach`; none where all are near.

    Arrays in memory go with the work, up to 1 GiB. Raises ImageError for more.
    """
    places, sent = dict[str, None](), 0
    if reach != EVERYWHERE:
        return ()
    for source in sources:
        if source.reach == PROCESS and isinstance(source, ArraySource):
            sent += source.stack[source.index].nbytes
        elif source.place and len(places) < MOST_PLACES:
            places[os.path.abspath(source.place)] = None  # noqa: PTH100
    if sent > MOST_SENT:
        raise ImageError(
            f"The images are arrays of {sent:,} bytes in the memory of this machine, and the workers are on others. Expected at most "
            f"{MOST_SENT:,}. Save them as files in a bucket, or in a folder that all machines share, and name those."
        )
    return tuple(places)


def missing(places: Iterable[str]) -> list[str]:
    """Return those of the places that are not on this machine. For a worker to ask before its first image."""
    return [place for place in places if not os.path.exists(place)]  # noqa: PTH110


def unseen(host: str, places: Iterable[str]) -> str:
    """Return the sentence for what a worker on `host` does not see."""
    first, *others = places
    more = f" and {len(others)} other places" if others else ""
    return (
        f"The worker on `{host}` does not see `{first}`{more}. Expected images that each machine can reach. Put them in a bucket "
        "(s3://, gs://, az://), or in a folder that all machines mount at the same path."
    )
