"""What an operation is to the methods: a table from the names that Keras gives its layers and operations."""

from enum import Enum
from typing import Any


class Kind(Enum):
    """The roles that rules, receptive fields and listings tell apart; every other operation is OTHER."""

    INPUT = "input"
    CONVOLUTION = "convolution"
    TRANSPOSED = "transposed convolution"
    DENSE = "dense"
    NORMALIZATION = "normalization"
    CONTRAST = "contrast normalization"
    RELU = "relu"
    GATE = "gate"
    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    ACTIVATION = "activation"
    MAX_POOL = "max pooling"
    AVERAGE_POOL = "average pooling"
    GLOBAL_POOL = "global pooling"
    PADDING = "padding"
    CROPPING = "cropping"
    UPSAMPLING = "upsampling"
    MERGE = "merge"
    MULTIPLY = "multiply"
    IDENTITY = "identity"
    OTHER = "other"


LINEAR = frozenset({Kind.CONVOLUTION, Kind.TRANSPOSED, Kind.DENSE})  # their own gradient needs no forward pass
HALVED = frozenset(Kind) - {Kind.INPUT, Kind.CONTRAST, Kind.UPSAMPLING, Kind.OTHER}  # what frameworks compute and differentiate in bfloat16
ACTIVATIONS = frozenset({Kind.RELU, Kind.GATE, Kind.SIGMOID, Kind.SOFTMAX, Kind.ACTIVATION})

NAMES: dict[Kind, str] = {
    Kind.INPUT: "InputLayer",
    Kind.CONVOLUTION: "Conv Conv1D Conv2D Conv3D DepthwiseConv DepthwiseConv1D DepthwiseConv2D SeparableConv SeparableConv1D "
    "SeparableConv2D",
    Kind.TRANSPOSED: "ConvTranspose Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    Kind.DENSE: "Dense EinsumDense",
    Kind.NORMALIZATION: "BatchNormalization LayerNormalization LayerScale",
    Kind.CONTRAST: "LocalResponseNormalization LRN LRN2D",
    Kind.RELU: "ReLU LeakyReLU PReLU ThresholdedReLU Relu Relu6 LeakyRelu relu relu6 leaky_relu",
    Kind.GATE: "Silu Gelu HardSilu Mish silu swish gelu hard_silu hard_swish mish",
    Kind.SIGMOID: "Sigmoid HardSigmoid sigmoid hard_sigmoid hard_sigmoid_of_keras_2",
    Kind.SOFTMAX: "Softmax LogSoftmax softmax log_softmax",
    Kind.ACTIVATION: "ELU Elu Selu Celu Tanh Softplus Softsign Exp elu selu celu tanh softplus softsign exponential",
    Kind.MAX_POOL: "MaxPooling1D MaxPooling2D MaxPooling3D MaxPool GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AdaptiveMaxPool",
    Kind.AVERAGE_POOL: "AveragePooling1D AveragePooling2D AveragePooling3D AveragePool AdaptiveAveragePooling1D "
    "AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveAveragePool",
    Kind.GLOBAL_POOL: "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D",
    Kind.PADDING: "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    Kind.CROPPING: "Cropping1D Cropping2D Cropping3D",
    Kind.UPSAMPLING: "UpSampling1D UpSampling2D UpSampling3D",
    Kind.MERGE: "Add Subtract Average Maximum Minimum Concatenate CustomScaleLayer",
    Kind.MULTIPLY: "Multiply",
    Kind.IDENTITY: "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout "
    "ActivityRegularization Identity Rescaling Normalization linear",
}
KIND_OF = {name: kind for kind, names in NAMES.items() for name in names.split()}


def classify(operation: Any) -> Kind:
    """Return the kind of a layer, a Keras operation or an activation function; a subclass counts as its nearest known base."""
    if hasattr(operation, "activation") and type(operation).__name__ == "Activation":
        return classify(operation.activation)
    if name := getattr(operation, "__name__", None):
        return KIND_OF.get(name, Kind.OTHER)
    return next((KIND_OF[base.__name__] for base in type(operation).__mro__ if base.__name__ in KIND_OF), Kind.OTHER)
