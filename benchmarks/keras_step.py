"""The TensorFlow tutorial's DCGAN step, compiled by ``tf.function``; imported where TensorFlow is installed."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tensorflow.keras import Sequential, layers, optimizers


def stepper(pixels: np.ndarray, batch: int) -> Callable[[], None]:
    """A function that makes one training step on uint8 images ``[N, 1, 28, 28]``."""
    generator = Sequential([
        layers.Input((100,)), layers.Dense(12544, use_bias=False), layers.BatchNormalization(), layers.LeakyReLU(),
        layers.Reshape((7, 7, 256)),
        layers.Conv2DTranspose(128, 5, 1, "same", use_bias=False), layers.BatchNormalization(), layers.LeakyReLU(),
        layers.Conv2DTranspose(64, 5, 2, "same", use_bias=False), layers.BatchNormalization(), layers.LeakyReLU(),
        layers.Conv2DTranspose(1, 5, 2, "same", use_bias=False, activation="tanh"),
    ])  # fmt: skip
    discriminator = Sequential([
        layers.Input((28, 28, 1)), layers.Conv2D(64, 5, 2, "same"), layers.LeakyReLU(), layers.Dropout(0.3),
        layers.Conv2D(128, 5, 2, "same"), layers.LeakyReLU(), layers.Dropout(0.3),
        layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip
    bce = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    adam_g, adam_d = optimizers.Adam(1e-4), optimizers.Adam(1e-4)
    floats = ((pixels.transpose(0, 2, 3, 1).astype("float32")) - 127.5) / 127.5
    batches = iter(tf.data.Dataset.from_tensor_slices(floats).shuffle(len(floats)).repeat().batch(batch))

    @tf.function
    def train(images: tf.Tensor) -> None:
        with tf.GradientTape() as tape_g, tf.GradientTape() as tape_d:
            fake = generator(tf.random.normal([batch, 100]), training=True)
            real_scores, fake_scores = discriminator(images, training=True), discriminator(fake, training=True)
            loss_g = bce(tf.ones_like(fake_scores), fake_scores)
            loss_d = bce(tf.ones_like(real_scores), real_scores) + bce(tf.zeros_like(fake_scores), fake_scores)
        adam_g.apply_gradients(
            zip(tape_g.gradient(loss_g, generator.trainable_variables), generator.trainable_variables, strict=True)
        )
        variables = discriminator.trainable_variables
        adam_d.apply_gradients(zip(tape_d.gradient(loss_d, variables), variables, strict=True))

    return lambda: train(next(batches))
