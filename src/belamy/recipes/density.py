"""Models that know how likely a picture is."""

from belamy.methods import autoregressive, boltzmann, flow, iwae, made, vq_vae
from belamy.registry import Part


def pixel_cnn() -> autoregressive.Recipe:
    """PixelCNN as it was first: black and white digits by masked convolutions."""
    return autoregressive.Recipe(
        network=Part(name="pixel-cnn", width=32, depth=7),
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9),
        schedule=Part(name="cosine", warmup=0.02),
        batch=32,
        train_samples=240_000,
        ema_half_life=10_000,
    )


def gated_pixel_cnn() -> autoregressive.Recipe:
    """Gated PixelCNN: black and white digits by two stacks of gated convolutions."""
    return pixel_cnn().changed(network=Part(name="gated-pixel-cnn", width=32, depth=8), train_samples=120_000)


def conditional_pixel_cnn() -> autoregressive.Recipe:
    """Gated PixelCNN of black and white digits that are asked for by class."""
    return gated_pixel_cnn().changed(conditional=True)


def pixel_rnn() -> autoregressive.Recipe:
    """PixelRNN in small: black and white digits by memories that go along diagonals."""
    return pixel_cnn().changed(network=Part(name="pixel-rnn", width=16, depth=3), train_samples=80_000)


def pixel_transformer() -> autoregressive.Recipe:
    """Transformer over the pixels of drawn faces of 16 pixels, in 16 levels of each colour."""
    return pixel_cnn().changed(
        data="avatars-32",
        size=16,
        network=Part(name="pixel-transformer", width=64, depth=4, heads=4),
        likelihood=Part(name="categorical", levels=16),
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        train_samples=300_000,
    )


def pixel_cnn_pp() -> autoregressive.Recipe:
    """Model in small after PixelCNN++: pictures of 8 bits and 32 pixels by mixtures of logistic distributions."""
    return autoregressive.Recipe(
        data="avatars-32",
        network=Part(name="gated-pixel-cnn", width=48, depth=8, dropout=0.1, dilations=(1, 2)),
        likelihood=Part(name="logistic-mixture", components=10),
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        schedule=Part(name="cosine", warmup=0.02),
        batch=16,
        train_samples=100_000,
        ema_half_life=10_000,
    )


def made_mnist() -> made.Recipe:
    """MADE of black and white digits: one hidden layer, one order."""
    return made.Recipe(
        hidden=(1000,),
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        schedule=Part(name="cosine", warmup=0.01),
        batch=100,
        train_samples=3_000_000,
        ema_half_life=100_000,
    )


def real_nvp_mnist() -> flow.Recipe:
    """RealNVP in small: digits by couplings of two resolutions."""
    return flow.Recipe(
        network=Part(name="real-nvp", levels=2, width=32, blocks=2),
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        schedule=Part(name="cosine"),
        batch=64,
        train_samples=200_000,
        ema_half_life=10_000,
    )


def nice_mnist() -> flow.Recipe:
    """NICE's additive couplings, at RealNVP's resolutions: digits by a map that keeps volumes until its last layer."""
    return real_nvp_mnist().changed(
        network=Part(name="real-nvp", levels=2, width=32, blocks=2, affine=False, batch_norm=False), logit_alpha=0.0
    )


def glow_mnist() -> flow.Recipe:
    """Glow in small: digits by eight steps at each of two resolutions."""
    return real_nvp_mnist().changed(network=Part(name="glow", levels=2, steps=8, width=64), logit_alpha=0.0)


def maf_points() -> flow.Recipe:
    """MAF of points in the plane: five masked dense layers."""
    return flow.Recipe(
        data="points",
        network=Part(name="maf", layers=5, hidden=(64, 64)),
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9),
        schedule=Part(name="cosine"),
        batch=256,
        train_samples=500_000,
        ema_half_life=10_000,
    )


def iaf_points() -> flow.Recipe:
    """IAF of points in the plane: as MAF, but samples are what comes in one pass."""
    return maf_points().changed(network=Part(name="iaf", layers=5, hidden=(64, 64)))


def spline_points() -> flow.Recipe:
    """Neural spline flow of points in the plane: couplings by rational-quadratic splines."""
    return maf_points().changed(network=Part(name="spline-flow", layers=5, hidden=(64, 64)))


def maf_mnist() -> flow.Recipe:
    """MAF of digits: five masked dense layers over the 784 values of a picture."""
    return real_nvp_mnist().changed(network=Part(name="maf", layers=5, hidden=(512,)))


def rbm_mnist() -> boltzmann.Recipe:
    """Restricted Boltzmann machine of black and white digits, by chains that go on (PCD)."""
    return boltzmann.Recipe(
        hidden=(500,),
        optimizer=Part(name="sgd", lr=0.05),
        schedule=Part(name="linear"),
        batch=100,
        train_samples=8_000_000,
        ema_half_life=200_000,
    )


def deep_belief_mnist() -> boltzmann.Recipe:
    """Deep belief network: two Boltzmann machines of black and white digits, one on the other."""
    return rbm_mnist().changed(hidden=(500, 500))


def vae_nats() -> iwae.Recipe:
    """Variational autoencoder of black and white digits whose likelihood is bounded."""
    return iwae.Recipe(
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        schedule=Part(name="cosine", warmup=0.01),
        batch=128,
        train_samples=7_000_000,
        ema_half_life=100_000,
    )


def iwae_mnist() -> iwae.Recipe:
    """Importance-weighted autoencoder: the same, learned with ten codes of each picture."""
    return vae_nats().changed(importance=10, batch=64, train_samples=1_500_000)


def iaf_vae_mnist() -> iwae.Recipe:
    """The same whose posterior is an inverse autoregressive flow of four steps."""
    return vae_nats().changed(flow_steps=4, train_samples=3_500_000)


def two_level_vae_mnist() -> iwae.Recipe:
    """The same with a second code that tells the first's distribution."""
    return vae_nats().changed(latent=50, second=25, warm_up=0.1, train_samples=6_000_000)


def vq_vae_mnist() -> vq_vae.Recipe:
    """VQ-VAE of digits: 49 codes of a codebook, and then a gated PixelCNN of the codes."""
    return vq_vae.Recipe(
        quantiser=Part(name="vector", codes=64, dimensions=16),
        width=32,
        prior=Part(name="gated-pixel-cnn", width=48, depth=6, first=3),
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        batch=64,
        train_samples=200_000,
        ema_half_life=5_000,
    )


def fsq_mnist() -> vq_vae.Recipe:
    """The same with codes that are places of a grid (FSQ), of which none can die."""
    return vq_vae_mnist().changed(quantiser=Part(name="finite-scalar", levels=(5, 4, 4)))
