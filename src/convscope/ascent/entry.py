"""What gradient ascent says of itself: its entry among the methods."""

from ..method import Method
from .ascend import ascend
from .jobs import pieces

METHOD = Method(
    name="ascend",
    run=ascend,
    divide=pieces,
    explain=lambda network: "values before each activation, where one exists",
    examples=(
        "convscope ascend block4_conv2:17",
        "convscope ascend block5_conv3:0-7 --steps 256 -o pictures/",
        "convscope ascend block4_conv2:all -o block4/        # run it again to resume",
        "convscope ascend block5_conv3:7 --every 4           # also block5_conv3-7.gif, the course of the picture",
        "convscope ascend --layers 'block[45]_conv*' -o units/",
        "convscope ascend 'block4_conv2:17 - block4_conv2:20'",
        "convscope ascend block4_conv2:17 --diversity 4",
        "convscope ascend block5_conv1 --start sample:temple  # DeepDream",
        "convscope ascend block5_conv3:0-7 --real photos/",
    ),
)
