"""Functional graphs: the same networks as written by hand, and each mistake named while building."""

import copy
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.functional_mlp import Classifier as FunctionalClassifier
from belamy.networks.graph import (
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Graph,
    Input,
    Node,
    add,
    apply,
    concatenate,
    flatten,
    layer,
    multiply,
    reshape,
)
from belamy.networks.inception_small import Classifier as Inception
from belamy.networks.inception_small import inception
from belamy.networks.summary import count


def mlp() -> Graph:
    x = Input(64, name="x")
    hidden = Dense(32, activation="relu")(x)
    return Graph(x, Dense(10, activation="softmax")(Dense(32, activation="relu")(hidden)))


class TestTwins:
    def test_sequential_and_functional_agree(self) -> None:
        functional = mlp()
        sequential = nn.Sequential(
            nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10), nn.Softmax(-1)
        )
        for twin in (functional, sequential):
            assert count(twin).total == count(twin).trainable == 3_466
        names = zip(sequential.state_dict(), functional.state_dict(), strict=True)
        sequential.load_state_dict({to: functional.state_dict()[source] for to, source in names})
        x = torch.rand(7, 64)
        assert torch.equal(sequential(x), functional(x))
        torch.testing.assert_close(functional(x).sum(1), torch.ones(7))

    def test_the_slides_training_runs(self) -> None:
        """Dummy data, soft targets, RMSprop: the loss falls."""
        network = FunctionalClassifier((1, 8, 8), 10)
        x, y = torch.rand(256, 1, 8, 8), torch.rand(256, 10)
        optimizer = torch.optim.RMSprop(network.parameters(), 1e-3)
        losses = []
        for _ in range(20):
            loss = nn.functional.cross_entropy(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]

    def test_weights_have_the_defaults_of_keras(self) -> None:
        dense = mlp().layers["dense"]
        assert not dense.bias.any()
        assert dense.weight.abs().max() <= (6 / 96) ** 0.5


class TestBuilding:
    def test_the_number_of_samples_is_free(self) -> None:
        network = mlp()
        assert [network(torch.zeros(n, 64)).shape for n in (1, 2, 9)] == [(1, 10), (2, 10), (9, 10)]

    def test_statistics_are_not_touched(self) -> None:
        theirs, x = nn.BatchNorm2d(4), Input(3, 8, 8)
        h = layer(theirs)(Conv2D(4, 3)(x))
        ours = BatchNormalization()
        network = Graph(x, ours(h))
        assert theirs.num_batches_tracked == 0
        assert not theirs.running_mean.any() and not ours.module.running_mean.any()
        assert theirs.training and ours.module.training and network.training
        network.summary()
        assert theirs.num_batches_tracked == 0
        network(torch.randn(2, 3, 8, 8))
        assert theirs.num_batches_tracked == 1

    def test_building_draws_no_numbers_but_the_weights(self) -> None:
        x = Input(4)
        state = torch.get_rng_state()
        Graph(x, layer(nn.Dropout(0.5))(torch.relu(x)))
        assert torch.equal(state, torch.get_rng_state())

    def test_shapes_are_known(self) -> None:
        x = Input(3, 8, 8)
        assert Conv2D(5, 3, 2)(x).shape == (5, 4, 4)
        assert Conv2D(5, 3, padding="valid")(x).shape == (5, 6, 6)
        assert Conv2DTranspose(5, 5, 2)(x).shape == (5, 16, 16)
        assert flatten(x).shape == (192,)
        assert reshape(x, 6, 32).shape == (6, 32)
        assert reshape(Dense(1)(flatten(x))).shape == ()
        assert "[N, 3, 8, 8]" in repr(x)

    def test_a_deep_graph_needs_no_recursion(self) -> None:
        x = node = Input(2)
        shared = layer(nn.Identity())
        for _ in range(1500):
            node = shared(node)
        assert torch.equal(Graph(x, node)(torch.ones(1, 2)), torch.ones(1, 2))


class TestOperators:
    def test_arithmetic(self) -> None:
        a, b = Input(3, name="a"), Input(3, name="b")
        network = Graph([a, b], [a + b, a - b, a * b, 2 * a, 1 - a, a + 1, 1 + b, a - 1, a * 3])
        x, y = torch.randn(2, 4, 3)
        expected = [x + y, x - y, x * y, 2 * x, 1 - x, x + 1, 1 + y, x - 1, x * 3]
        assert all(torch.equal(got, want) for got, want in zip(network(x, y), expected, strict=True))

    def test_joining(self) -> None:
        a, b = Input(3, 2, 2, name="a"), Input(3, 2, 2, name="b")
        network = Graph([a, b], (concatenate(a, b), concatenate(a, b, axis=3), add(a, b, a), multiply(a, b, b)))
        x, y = torch.randn(2, 5, 3, 2, 2)
        expected = (torch.cat([x, y], 1), torch.cat([x, y], 3), x + y + x, x * y * y)
        assert all(torch.equal(got, want) for got, want in zip(network(x, y), expected, strict=True))

    def test_functions_of_torch(self) -> None:
        x = Input(4, 6)
        first, second = torch.chunk(torch.relu(x), 2, dim=2)
        network = Graph(x, torch.cat([second, first], dim=2).__add__(nn.functional.softmax(x, dim=1)))
        value = torch.randn(3, 4, 6)
        left, right = value.relu().chunk(2, dim=2)
        torch.testing.assert_close(network(value), torch.cat([right, left], 2) + value.softmax(1))

    def test_a_module_applied_without_wrapping_would_lose_its_weights(self) -> None:
        with pytest.raises(UsageError, match=r"Wrap the layer .* layer\(module\)\(x\)"):
            nn.Linear(4, 3)(Input(4))


class TestSharing:
    def test_a_shared_layer_is_registered_once(self, tmp_path) -> None:
        a, b = Input(8, name="a"), Input(8, name="b")
        tower = Dense(4, name="tower")
        network = Graph([a, b], tower(a) - tower(b))
        assert list(network.state_dict()) == ["layers.tower.weight", "layers.tower.bias"]
        assert count(network).total == 36
        save_file(network.state_dict(), tmp_path / "weights.safetensors")
        network.load_state_dict(load_file(tmp_path / "weights.safetensors"))
        x = torch.randn(3, 8)
        assert torch.equal(network(x, x), torch.zeros(3, 4))

    def test_one_module_wrapped_twice_is_shared_too(self) -> None:
        module, x = nn.Linear(4, 4), Input(4)
        network = Graph(x, layer(module)(layer(module)(x)))
        assert len(network.state_dict()) == 2
        value = torch.randn(2, 4)
        assert torch.equal(network(value), module(module(value)))

    def test_names_count_on_and_keep_clear_of_given_ones(self) -> None:
        x = Input(4)
        h = Dense(4, name="dense_1")(Dense(4)(x))
        assert list(Graph(x, Dense(4)(h)).layers) == ["dense_1", "dense", "dense_2"]

    def test_graphs_built_alike_have_the_same_names(self) -> None:
        assert list(mlp().state_dict()) == list(mlp().state_dict())


class TestInputsAndOutputs:
    def test_several_by_order_and_by_name(self) -> None:
        """The slides' examples: a price from three sources; a genre and a date from one text."""
        text, picture = Input(12, name="text"), Input(1, 8, 8, name="picture")
        seen = flatten(Conv2D(2, 3, 2, "relu")(picture))
        joined = concatenate(Dense(6, "relu")(text), Dense(6, "relu")(seen))
        network = Graph([picture, text], {"genre": Dense(5)(joined), "date": reshape(Dense(1)(joined))})
        a, b = torch.randn(3, 12), torch.randn(3, 1, 8, 8)
        by_order, by_name = network(b, a), network(text=a, picture=b)
        assert {name: value.shape for name, value in by_order.items()} == {"genre": (3, 5), "date": (3,)}
        assert all(torch.equal(by_order[name], by_name[name]) for name in by_order)

    def test_names_from_a_mapping(self) -> None:
        a, b = Input(2), Input(2)
        network = Graph({"left": a, "right": b}, (a + b, a - b))
        total, difference = network(right=torch.ones(1, 2), left=torch.ones(1, 2))
        assert total.tolist() == [[2, 2]] and difference.tolist() == [[0, 0]]

    def test_whole_numbers(self) -> None:
        tokens = Input(7, dtype=torch.long)
        network = Graph(tokens, layer(nn.Embedding(11, 3))(tokens).__mul__(2.0))
        assert network(torch.zeros(2, 7, dtype=torch.long)).shape == (2, 7, 3)
        assert network.summary().total == 33

    def test_a_layer_with_several_outputs(self) -> None:
        x = Input(5, 4)
        output, hidden = layer(nn.GRU(4, 3, batch_first=True))(x)
        assert output.shape == (5, 3)
        network = Graph(x, output + 1.0)
        assert network(torch.randn(2, 5, 4)).shape == (2, 5, 3)
        assert isinstance(hidden, Node)

    def test_a_graph_may_begin_in_the_middle(self) -> None:
        x = Input(4)
        hidden = Dense(3)(x)
        y = Dense(2)(hidden)
        assert Graph(hidden, y)(torch.zeros(5, 3)).shape == (5, 2)
        assert count(Graph(hidden, y)).total == 8
        assert count(Graph(x, y)).total == 23

    def test_an_input_may_be_an_output(self) -> None:
        x = Input(4)
        value = torch.randn(2, 4)
        assert torch.equal(Graph(x, [x, x + 1])(value)[0], value)


class TestModule:
    def test_residual_connections(self) -> None:
        x = Input(4, 6, 6)
        convolution = Conv2D(4, 3)
        network = Graph(x, torch.relu(convolution(x) + x))
        value = torch.randn(2, 4, 6, 6)
        assert torch.equal(network(value), torch.relu(convolution.module(value) + value))

    def test_inception(self) -> None:
        x = Input(6, 8, 8)
        y = inception(x, 4)
        assert y.shape == (16, 8, 8)
        network = Inception((3, 16, 16), 5)
        assert network(torch.randn(2, 3, 16, 16)).shape == (2, 5)
        assert network.features(torch.randn(2, 3, 16, 16)).shape == (2, 48)

    def test_nested_graphs(self) -> None:
        inner_x = Input(4)
        inner = Graph(inner_x, {"twice": inner_x * 2, "dense": Dense(3)(inner_x)})
        x = Input(4)
        parts = inner(x)
        again = inner(parts["twice"])
        network = Graph(x, concatenate(parts["dense"], again["dense"]))
        assert list(network.state_dict()) == ["layers.graph.layers.dense.weight", "layers.graph.layers.dense.bias"]
        value = torch.randn(2, 4)
        dense = inner.layers["dense"]
        assert torch.equal(network(value), torch.cat([dense(value), dense(2 * value)], 1))
        assert [row.total for row in network.summary().rows if row.total] == [15]

    def test_copies_and_pickles(self) -> None:
        network = Inception((1, 8, 8), 3, width=2).graph.eval()
        value = torch.randn(2, 1, 8, 8)
        expected = network(value)["logits"]
        copied, pickled = copy.deepcopy(network), pickle.loads(pickle.dumps(network))
        for other in (copied, pickled):
            assert torch.equal(other(value)["logits"], expected)
        with torch.no_grad():
            next(copied.parameters()).add_(1)
        assert torch.equal(network(value)["logits"], expected)
        assert not torch.equal(copied(value)["logits"], expected)
        fresh = Inception((1, 8, 8), 3, width=2).graph.eval()
        fresh.load_state_dict(network.state_dict())
        assert torch.equal(fresh(value)["logits"], expected)

    def test_pickles_after_more_was_hung_on_its_nodes(self) -> None:
        x = Input(4)
        hidden = Dense(3)(x)
        network = Graph(x, hidden)
        torch.relu(hidden)
        assert torch.equal(pickle.loads(pickle.dumps(network))(torch.ones(1, 4)), network(torch.ones(1, 4)))

    def test_double_precision_and_gradients(self) -> None:
        network = mlp().double()
        assert torch.autograd.gradcheck(network, torch.randn(2, 64, dtype=torch.float64, requires_grad=True))
        network(torch.randn(2, 64, dtype=torch.float64)).square().sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())

    def test_summary(self) -> None:
        table = mlp().summary()
        assert [row.total for row in table.rows if row.total] == [2_080, 1_056, 330]
        assert "layers.dense_2 (Linear)" in str(table)

    def test_modes_reach_the_layers(self) -> None:
        x = Input(50)
        network = Graph(x, layer(nn.Dropout(0.5))(x))
        assert not torch.equal(network(torch.ones(2, 50)), torch.ones(2, 50))
        assert torch.equal(network.eval()(torch.ones(2, 50)), torch.ones(2, 50))


def conflicting(a: Node, b: Node) -> Graph:
    return Graph([a, b], Dense(2, name="head")(a) + Dense(2, name="head")(b))


A, B, LOST, IMAGE = Input(4, name="a"), Input(4, name="b"), Input(4, name="lost"), Input(3, 8, 8, name="image")

MISTAKES = {
    "disconnected": (lambda: Graph(A, Dense(2, name="head")(LOST)),
                     r"Graph disconnected: output 'output_0' \[N, 2\] \(from head\) needs the input 'lost' \[N, 4\]"
                     r".*given inputs \(a\)"),
    "half connected": (lambda: Graph(A, {"price": A + LOST, "genre": A * 2}), "output 'price'.*'lost'"),
    "second disconnected": (lambda: Graph(A, {"price": A + 1, "genre": LOST * 2}), "output 'genre'.*'lost'"),
    "disconnected and nameless": (lambda: Graph(A, A + Input(4)), r"needs the input without a name \[N, 4\]"),
    "an output that is another input": (lambda: Graph(A, B), r"disconnected: output 'b'.*'b'"),
    "unused": (lambda: Graph([A, B], A + 1), r"Unused input 'b' \[N, 4\].*leave it out"),
    "all cut off": (lambda: (lambda middle: Graph([A, middle], middle * 2))(A + 1), "Unused input 'a'"),
    "input twice": (lambda: Graph([A, A], A + 1), "Two inputs are called 'a'"),
    "no output": (lambda: Graph(A, []), "at least one output"),
    "no input": (lambda: Graph([], A), "at least one input"),
    "a tensor as output": (lambda: Graph(A, torch.zeros(2, 3)), "not a symbolic tensor"),
    "one name for two layers": (lambda: conflicting(A, B), "Two layers are called 'head'"),
    "a name with a dot": (lambda: Graph(A, Dense(2, name="a.b")(A)), "'a.b' cannot be the name of a layer"),
    "a name of the container": (lambda: Graph(A, Dense(2, name="keys")(A)), "'keys' cannot be the name"),
    "wrong width": (lambda: layer(nn.Linear(5, 2), name="head")(A),
                    r"Layer 'head' \(Linear.*cannot take \[N, 4\]: expected 5 values, got 4"),
    "wrong channels": (lambda: layer(nn.Conv2d(1, 2, 3))(IMAGE), "Layer 'conv2d'.*expected 1 channels, got 3"),
    "wrong features": (lambda: layer(nn.BatchNorm2d(4))(IMAGE), "Layer 'batchnorm2d'.*expected 4 features, got 3"),
    "shared at another size": (lambda: (lambda shared: (shared(A), shared(Input(7))))(Dense(2)),
                               "Layer 'dense'.*expected 4 values, got 7"),
    "sizes that do not add": (lambda: A + Input(5), r"Layer 'add'.*cannot take \[N, 4\], \[N, 5\]"),
    "sizes that do not join": (lambda: concatenate(IMAGE, Input(3, 4, 4)), "Layer 'concatenate'.*cannot take"),
    "a shape that does not fit": (lambda: reshape(A, 3), r"Layer 'reshape'.*cannot take \[N, 4\]"),
    "convolution of a vector": (lambda: Conv2D(3, 3)(A), r"Conv2D needs images \[N, C, H, W\], but got \[N, 4\]"),
    "transposed of a vector": (lambda: Conv2DTranspose(3, 3)(A), "Conv2DTranspose needs images"),
    "activation": (lambda: Dense(3, activation="rellu"), "Did you mean 'relu'"),
    "no units": (lambda: Dense(0), "units is 0"),
    "no filters": (lambda: Conv2D(-1, 3), "filters is -1"),
    "no shape": (lambda: Input(3, None), "not a shape of positive whole numbers"),
    "negative shape": (lambda: Input(-3), "not a shape"),
    "a layer of a tensor": (lambda: Dense(3)(torch.zeros(2, 3)), "Layer 'dense' was applied to Tensor"),
    "apply to no node": (lambda: apply(nn.ReLU(), torch.zeros(2)), "applied to no symbolic tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named_while_building(name: str) -> None:
    build, message = MISTAKES[name]
    with pytest.raises(UsageError, match=message):
        build()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda graph, x: graph(), r"input 'a' is missing: give it a tensor \[N, 4\]"),
        (lambda graph, x: graph(x, x, x), r"has 2 inputs \(a, b\), but got 3 arguments"),
        (lambda graph, x: graph(x, bb=x), "no input 'bb'"),
        (lambda graph, x: graph(x, torch.zeros(2, 5)), r"input 'b' must be \[N, 4\], but got \[N, 5\]"),
        (lambda graph, x: graph(x, a=x), "input 'a' was given twice"),
    ],
)
def test_mistakes_are_named_while_running(call, message: str) -> None:
    graph = Graph([A, B], A + B)
    x: Tensor = torch.zeros(2, 4)
    with pytest.raises(UsageError, match=message):
        call(graph, x)
