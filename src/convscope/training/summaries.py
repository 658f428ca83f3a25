"""Image summaries for TensorBoard: the one door to its package, which is not installed with convscope."""

import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import OptionError
from ..render.pixels import Bytes, unit_to_rgb
from ..render.signals import signed_to_rgb
from ..results.evolutions import UnitLook


class Summaries:
    """Writes the patch and the projection of each unit to a folder of logs. Raises OptionError without the package `tensorboard`."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise OptionError(
                f"`tensorboard` is {str(folder)!r}, but the package tensorboard is not installed. Install it with: pip install "
                "tensorboard. Leave `tensorboard` out to write pictures alone."
            ) from error
        self._summary: Any = Summary
        self._event: Any = Event
        self._writer: Any = EventFileWriter(str(folder))

    def write(self, looks: Sequence[UnitLook], step: int) -> None:
        """Write what units see at a step: an image and a number each."""
        values = []
        for look in looks:
            name = f"convscope/{look.unit.slug}"
            values.append(self._summary.Value(tag=f"{name}/value", simple_value=look.value))
            values.append(self._image(f"{name}/image", unit_to_rgb(look.patch)))
            if not look.is_silent:
                values.append(self._image(f"{name}/projection", signed_to_rgb(look.projection)))
        self._writer.add_event(self._event(step=step, wall_time=time.time(), summary=self._summary(value=values)))

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._writer.close()

    def _image(self, tag: str, pixels: Bytes) -> Any:
        file, (height, width) = io.BytesIO(), pixels.shape[:2]
        Image.fromarray(pixels).save(file, "PNG")
        image = self._summary.Image(height=height, width=width, colorspace=3, encoded_image_string=file.getvalue())
        return self._summary.Value(tag=tag, image=image)
