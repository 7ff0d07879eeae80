"""The same graph, its weights stored in another way."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .net import bodies, form, list_as_inputs, retype, tensors_of
from .opsets import to_opset
from .spell import unsqueeze


@form("constants")
def constants(net):
    """Constant nodes instead of initializers."""
    net.constant_nodes |= set(net.weights)
    net.ir = max(net.ir, 4)  # nothing is left to be listed as input


@form("inputs")
def inputs(net):
    """Initializers that are graph inputs as well, as IR 3 demands."""
    net.finish.append(list_as_inputs)


@form("external")
def external(net):
    """All tensors in one file beside the model."""
    net.external = "one"


@form("external_many")
def external_many(net):
    """Every tensor in a file of its own, in a folder below."""
    net.external = "many"


@form("typed")
def typed(net):
    """float_data and int64_data instead of raw_data."""

    def finish(model):
        for t in tensors_of(model.graph):
            values = numpy_helper.to_array(t).flatten().tolist()
            t.CopyFrom(helper.make_tensor(t.name, t.data_type, t.dims, values))

    net.finish.append(finish)


@form("sparse")
def sparse(net):
    """The initializer with most zeros as sparse_initializer."""

    def zeros(t):
        values = numpy_helper.to_array(t)
        return (values.size - np.count_nonzero(values), values.size)

    def finish(model):
        floats = [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and t.dims]
        chosen = max(floats, key=zeros)
        values = numpy_helper.to_array(chosen).flatten()
        places = np.flatnonzero(values)
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(
            numpy_helper.from_array(values[places], chosen.name),
            numpy_helper.from_array(places.astype(np.int64), ""), list(chosen.dims)))
        model.graph.initializer.remove(chosen)

    net.finish.append(finish)


def behind(net, wrap):
    """Lets wrap(name, array) store every float weight anew and make the node that restores it."""
    old, net.nodes = net.nodes, []
    for name, array in list(net.weights.items()):
        if array.dtype == np.float32 and array.ndim:
            wrap(name, net.weights.pop(name))
    net.nodes += old


@form("identity")
def identity(net):
    """Weights behind Identity, Transpose, Reshape and Unsqueeze."""

    def wrap(name, array):
        count = len(net.nodes)
        if array.ndim == 2:
            net.add("Transpose", net.constant(array.T, name + ".stored"), to=name, perm=[1, 0])
        elif array.ndim > 2:
            stored = net.constant(array.reshape(array.shape[0], -1), name + ".stored")
            net.add("Reshape", stored, net.integers(array.shape, name + ".shape"), to=name)
        elif count % 2:
            net.add("Identity", net.constant(array, name + ".stored"), to=name)
        else:
            rows = unsqueeze(net, net.constant(array, name + ".stored"), [0])
            net.add("Reshape", rows, net.integers([-1], name + ".shape"), to=name)

    behind(net, wrap)


def cast(kind):
    def edit(net):
        """Weights stored in another float type, brought to float32 by Cast."""
        if kind == TensorProto.BFLOAT16 and net.opset < 13:
            to_opset(net, 13)

        def wrap(name, array):
            stored = helper.make_tensor("", kind, array.shape, array.astype(np.float64).flatten())
            stored = net.constant(numpy_helper.to_array(stored), name + ".stored")
            net.nodes.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))

        behind(net, wrap)

    return edit


def whole(kind, opset):
    def edit(net):
        """The whole model in another float type, inputs and outputs included."""
        if net.opset < opset:
            to_opset(net, opset)
        net.finish.append(lambda model: retype(model, (TensorProto.FLOAT,), kind))

    return edit


# name -> element type, first opset where all the operators take it
FLOATS = {"float16": (TensorProto.FLOAT16, 7), "float64": (TensorProto.DOUBLE, 7),
          "bfloat16": (TensorProto.BFLOAT16, 22)}  # fmt: skip
for _name, (_kind, _opset) in FLOATS.items():
    form(f"cast_{_name}")(cast(_kind))
    form(_name)(whole(_kind, _opset))


@form("reordered")
def reordered(net):
    """Other names everywhere, another order of everything, inputs of Add and Mul swapped, texts."""
    net.weights = dict(reversed(net.weights.items()))
    net.nodes = by_depth_first(net)
    names = [net.input.name, *net.weights, *[o for n in net.nodes for o in n.output]]
    renamed = {name: f"v{(7 * k) % (len(names) * 7 + 1)}" for k, name in enumerate(names)}
    for k, node in enumerate(net.nodes):
        if node.op_type in ("Add", "Mul"):
            node.input[:] = node.input[::-1]
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed[name] for name in node.output]
        node.name = "" if k % 3 else f"n{k}"
        node.doc_string = f"/home/somebody/model.py({k})"
    net.constant_nodes = {renamed[name] for name in net.constant_nodes}
    net.weights = {renamed[name]: array for name, array in net.weights.items()}
    for value in (net.input, net.output):
        value.name = renamed[value.name]

    def finish(model):
        model.doc_string = "trained at night"
        model.graph.doc_string = "a graph\nof two lines"
        for t in tensors_of(bodies(model)[0]):
            t.doc_string = "a weight"

    net.finish.append(finish)


def by_depth_first(net):
    """Another topological order: what the last input needs comes first."""
    makers = {o: n for n in net.nodes for o in n.output}
    order, done = [], set()

    def visit(name):
        node = makers.get(name)
        if node is None or id(node) in done:
            return
        done.add(id(node))
        for needed in reversed(node.input):
            visit(needed)
        order.append(node)

    visit(net.output.name)
    return order
