"""The code of sub.keras: a model whose config holds two whole networks, as Keras' guide to custom models writes them."""

import keras


@keras.saving.register_keras_serializable("vae")
class Sampling(keras.layers.Layer):
    """Draws around a mean; its config holds no name."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, variance = inputs
        noise = keras.random.normal(shape=keras.ops.shape(mean), seed=self.seed_generator)
        return mean + keras.ops.exp(0.5 * variance) * noise


@keras.saving.register_keras_serializable("vae")
class VAE(keras.Model):
    """Encodes and decodes."""

    def __init__(self, encoder, decoder, **options):
        super().__init__(**options)
        self.encoder, self.decoder = encoder, decoder

    def call(self, x):
        return self.decoder(self.encoder(x)[2])

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {"encoder": serialize(self.encoder), "decoder": serialize(self.decoder), "name": self.name}

    @classmethod
    def from_config(cls, config):
        read = keras.saving.deserialize_keras_object
        return cls(read(config.pop("encoder")), read(config.pop("decoder")), **config)
