"""Networks as graphs of layers, the way Keras' functional API builds them.

Symbolic tensors flow through layers; a `Graph` turns the path from inputs to outputs into an ``nn.Module``::

    from belamy.networks.graph import Dense, Graph, Input

    x = Input(64)
    hidden = Dense(32, activation="relu")(x)
    hidden = Dense(32, activation="relu")(hidden)
    network = Graph(x, Dense(10)(hidden))       # 3,466 weights
    network(torch.randn(8, 64)).shape           # torch.Size([8, 10])

- Any ``nn.Module`` is a layer: ``layer(nn.Conv2d(1, 8, 3))(x)``, and so is a `Graph`: ``encoder(x)``.
- `Dense`, `Conv2D`, `Conv2DTranspose` and `BatchNormalization` find the size of their input themselves and have Keras'
  initial weights.
- Any function of torch works on symbolic tensors: ``torch.relu(a + b)``, ``concatenate(a, b)``, ``flatten(a)``.
- A layer applied twice is shared: one set of weights, once in the state dict.
- Several inputs and outputs, by order or by name: ``Graph({"text": a, "picture": b}, {"price": c, "genre": d})``.

Shapes are found on tensors without values and in evaluation mode, so building computes nothing and touches no
statistics; the number of samples is not fixed. Mistakes raise a `UsageError` while the graph is built: shapes that do
not fit (with the layer, what it got and what it expected), an output that needs an input not given, an unused input.
"""

from belamy.networks.graph.layers import (
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Layer,
    add,
    concatenate,
    flatten,
    layer,
    multiply,
    reshape,
)
from belamy.networks.graph.network import Graph
from belamy.networks.graph.node import Input, Node, apply

__all__ = [
    "BatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "Graph",
    "Input",
    "Layer",
    "Node",
    "add",
    "apply",
    "concatenate",
    "flatten",
    "layer",
    "multiply",
    "reshape",
]
