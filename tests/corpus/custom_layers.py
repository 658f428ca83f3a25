"""Layers and a model of a user's own, as the custom_* and subclassed files of this corpus have them."""

import keras

register = getattr(keras.saving, "register_keras_serializable", None) or keras.utils.register_keras_serializable


@register(package="corpus")
class Scale(keras.layers.Layer):
    """A trained factor for each channel; registered."""

    def build(self, input_shape):
        self.factor = self.add_weight(name="factor", shape=(input_shape[-1],), initializer="ones")
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape


class Gate(keras.layers.Layer):
    """A trained gain and a fixed power; not registered."""

    def __init__(self, power=1.0, **options):
        super().__init__(**options)
        self.power = power

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(1,), initializer="ones")
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.gain * self.power

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "power": self.power}


@register(package="corpus")
class SmallNet(keras.Model):
    """A subclassed classifier with a residual sum."""

    def __init__(self, filters=4, **options):
        super().__init__(**options)
        self.filters = filters
        self.first = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")
        self.normal = keras.layers.BatchNormalization()
        self.second = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs, training=False):
        x = self.normal(self.first(inputs), training=training)
        return self.head(self.pool(x + self.second(x)))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}
