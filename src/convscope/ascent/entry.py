"""What gradient ascent says of itself: its entry among the methods."""

from ..method import STOP, THEME, Method, Option
from ..units import LAYER_GRAMMAR
from .ascend import ascend
from .jobs import large_job
from .settings import IMAGES, MODES

METHOD = Method(
    name="ascend",
    run=ascend,
    takes=("units",),
    options=(
        Option(
            "mode",
            str,
            "best",
            "`best`: clearest pictures, no tuning. `paper`: the loss of the original report.",
            choices=MODES,
            asked=True,
        ),
        Option("steps", int, None, "Number of steps [default: until the score hardly rises; paper: 64]."),
        Option("size", int, None, "Side of the pictures, 8 to 4096 pixels [default: from the receptive field]."),
        Option(
            "image",
            str,
            "fourier",
            "How the picture is built: from waves (`fourier`), or from phases of natural magnitudes (`maco`).",
            choices=IMAGES,
        ),
        Option("diversity", int, 1, "Make N different pictures of each unit.", metavar="N"),
        Option("start", str, None, "Start from this photograph. UNIT may then be a whole layer (DeepDream).", metavar="IMAGE"),
        Option(
            "real",
            str,
            None,
            "Real images: scores are compared with theirs, and units that noise cannot excite start from their strongest patch.",
            metavar="IMAGES",
        ),
        Option("spectrum", str, None, "With --image maco: images that provide the Fourier magnitudes.", metavar="IMAGES"),
        Option("norm", float, None, "With --mode paper: keep the picture at this distance from mid-grey, above 0."),
        Option("seed", int, 0, "Seed of the noise. The same seed gives the same picture."),
        Option(
            "precision",
            str,
            "auto",
            "Number format of the network. `auto` uses bfloat16 if it is faster here.",
            choices=("auto", "float32", "bfloat16"),
        ),
        Option("every", int, None, "Also write an animation: one frame for every N steps.", metavar="N"),
        THEME,
        STOP,
    ),
    watched=True,
    job=large_job,
    job_options=(Option("layers", str, None, f"Every unit of these layers: {LAYER_GRAMMAR}.", metavar="PATTERN"),),
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
