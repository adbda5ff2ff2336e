"""The article's framework: S1 as a ``tf.function`` step, S2 as its literal loop of ``train_on_batch``.

Runs by itself, in an environment of its own (``python -m venv keras && keras/bin/pip install tensorflow-cpu``); it
imports neither torch nor gantool. Speaks the language of `benchmarks.referee`: a number of iterations comes in on a
line, the seconds that they took go out.

    python keras_article.py s1|s2
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def s1() -> Callable[[], None]:
    """The tutorial's step: one forward of everything, both gradients from it."""
    import tensorflow as tf
    from tensorflow.keras import Sequential, layers

    generator = Sequential(
        [
            layers.Input((100,)),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((7, 7, 256)),
            layers.Conv2DTranspose(128, 5, strides=1, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(64, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
        ]
    )
    discriminator = Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(64, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    generator_adam, discriminator_adam = tf.keras.optimizers.Adam(1e-4), tf.keras.optimizers.Adam(1e-4)

    @tf.function
    def step(real: tf.Tensor) -> None:
        noise = tf.random.normal([256, 100])
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fake = generator(noise, training=True)
            real_logits, fake_logits = discriminator(real, training=True), discriminator(fake, training=True)
            generator_loss = entropy(tf.ones_like(fake_logits), fake_logits)
            real_loss = entropy(tf.ones_like(real_logits), real_logits)
            discriminator_loss = real_loss + entropy(tf.zeros_like(fake_logits), fake_logits)
        for tape, loss, network, adam in (
            (generator_tape, generator_loss, generator, generator_adam),
            (discriminator_tape, discriminator_loss, discriminator, discriminator_adam),
        ):
            gradients = tape.gradient(loss, network.trainable_variables)
            adam.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

    real = tf.random.uniform([256, 28, 28, 1], -1, 1)
    return lambda: step(real)


def s2() -> Callable[[], None]:
    """The article's loop: ``predict``, then the discriminator on real and on fake, then the stacked model."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.keras import Sequential, layers

    def dense(*widths: int) -> list[tf.keras.layers.Layer]:
        return [layer for width in widths for layer in (layers.Dense(width), layers.LeakyReLU(0.2))]

    generator = Sequential(
        [
            layers.Input((100,)),
            *dense(128, 256, 512, 1024),
            layers.Dense(784, activation="tanh"),
            layers.Reshape((28, 28, 1)),
        ]
    )
    discriminator = Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Flatten(),
            *dense(1024, 512, 256, 128),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    discriminator.compile(loss="binary_crossentropy", optimizer=tf.keras.optimizers.Adam(1e-4))
    discriminator.trainable = False
    stacked = Sequential([layers.Input((100,)), generator, discriminator])
    stacked.compile(loss="binary_crossentropy", optimizer=tf.keras.optimizers.Adam(1e-4))
    real = np.random.uniform(-1, 1, (128, 28, 28, 1)).astype(np.float32)
    ones, zeros = np.ones((128, 1), np.float32), np.zeros((128, 1), np.float32)

    def step() -> None:
        fake = generator.predict(np.random.normal(size=(128, 100)).astype(np.float32), verbose=0)
        discriminator.train_on_batch(real, ones)
        discriminator.train_on_batch(fake, zeros)
        stacked.train_on_batch(np.random.normal(size=(128, 100)).astype(np.float32), ones)

    return step


def main() -> None:
    """Serve turns, with the threads that the framework chooses."""
    step = {"s1": s1, "s2": s2}[sys.argv[1]]()
    for line in sys.stdin:
        started = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
