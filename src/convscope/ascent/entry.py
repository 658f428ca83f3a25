"""What gradient ascent says of itself: its entry among the methods."""

from ..method import STOP, THEME, Method, Option
from .ascend import ascend
from .jobs import large_job
from .settings import IMAGES, MODES

METHOD = Method(
    name="ascend",
    run=ascend,
    takes=("units",),
    options=(
        Option("mode", str, "best", "The original report's loss, or the best pictures.", choices=MODES, asked=True),
        Option("steps", int, None, "How many steps to climb [default: until the score hardly rises; paper: 64]."),
        Option("size", int, None, "Side of the pictures in pixels [default: from the receptive field]."),
        Option("image", str, "fourier", "What is climbed: waves, or with maco only their phases.", choices=IMAGES),
        Option("diversity", int, 1, "So many pictures of each unit, pushed apart.", metavar="N"),
        Option("start", str, None, "A photograph to begin with; UNIT may then be a whole layer (DeepDream).", metavar="IMAGE"),
        Option("real", str, None, "Real images to compare with, and to start from what does not wake.", metavar="IMAGES"),
        Option("spectrum", str, None, "With --image maco: the images whose magnitudes it takes.", metavar="IMAGES"),
        Option("norm", float, None, "With --mode paper: climb on the sphere of this distance from mid-grey."),
        Option("seed", int, 0, "Where the noise starts; the same seed gives the same picture."),
        Option("precision", str, "auto", "What the network computes in.", choices=("auto", "float32", "bfloat16")),
        Option("every", int, None, "Also write the course: an animation of the pictures after every N steps.", metavar="N"),
        THEME,
        STOP,
    ),
    watched=True,
    job=large_job,
    job_options=(
        Option("layers", str, None, "Every filter of these layers: all convolutions, or a glob such as block[45]*.", metavar="PATTERN"),
    ),
    examples=(
        "convscope ascend block4_conv2:17",
        "convscope ascend block5_conv3:0-7 --steps 256 -o pictures/",
        "convscope ascend block4_conv2:all -o block4/        # start it again after a kill, and it goes on",
        "convscope ascend block5_conv3:7 --every 4           # also block5_conv3-7.gif, how the picture came to be",
        "convscope ascend --layers 'block[45]*' -o filters/",
        "convscope ascend 'block4_conv2:17 - block4_conv2:20'",
        "convscope ascend block4_conv2:17 --diversity 4",
        "convscope ascend block5_conv1 --start sample:temple  # DeepDream",
        "convscope ascend block5_conv3:0-7 --real photos/",
    ),
)
