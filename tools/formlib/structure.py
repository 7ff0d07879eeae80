"""Parts of the graph in functions and in the branches of If."""

import numpy as np
from onnx import TensorProto, helper

from .maps import each_mean
from .net import NotApplicable, form, helper_copy
from .spell import reduce_mean, squeeze

WEIGHTED = {"Conv", "Gemm", "LayerNormalization", "MatMul"}
PER_BLOCK = 3  # layers in a block


def layers(net):
    """The nodes cut before every operator with a weight of two axes or more, or a scale."""
    parts = [[]]
    for node in net.nodes:
        if node.op_type in WEIGHTED and any(i in net.weights for i in node.input[1:]):
            parts.append([])
        parts[-1].append(node)
    return [part for part in parts if part]


def crossings(net, part, rest):
    """What a part reads from outside, and what of its values others read."""
    made = [o for n in part for o in n.output if o]
    inputs = list(dict.fromkeys(i for n in part for i in n.input if i and i not in made))
    read = {i for n in rest for i in n.input} | {net.output.name}
    return inputs, [o for o in made if o in read]


class Functions:
    """Functions made of parts; parts that do the same become one function called several times."""

    def __init__(self, net):
        self.net, self.by_text = net, {}

    def call(self, part, rest, kind):
        """The node that calls the function of this part."""
        net = self.net
        inputs, outputs = crossings(net, part, rest)
        arguments = [f"in{k}" for k in range(len(inputs))]
        local = dict(zip(inputs, arguments))
        body = [helper_copy(node) for node in part]
        for k, node in enumerate(body):
            for o in node.output:
                local[o] = f"v{len(local)}"
            node.name = f"n{k}"
            node.input[:] = [local.get(i, i) for i in node.input]
            node.output[:] = [local[o] for o in node.output]
        text = "".join(str(node) for node in body)
        if text not in self.by_text:
            name = f"{kind}_{len(self.by_text)}"
            opsets = [helper.make_opsetid("", net.opset), helper.make_opsetid("local", 1)]
            net.functions.append(helper.make_function(
                "local", name, arguments, [local[o] for o in outputs], body, opsets))
            self.by_text[text] = name
        return helper.make_node(self.by_text[text], inputs, outputs, domain="local",
                                name=outputs[0] + "/call")


@form("local_function")
def local_function(net):
    """Every layer a model-local function, and every few layers one that calls theirs."""
    if net.ir < 8:
        net.ir = 8  # the first with functions
    functions, parts = Functions(net), layers(net)
    calls = []
    for k, part in enumerate(parts):
        rest = [n for other in parts[:k] + parts[k + 1 :] for n in other]
        calls.append(functions.call(part, rest, "layer"))
    blocks = [calls[k : k + PER_BLOCK] for k in range(0, len(calls), PER_BLOCK)]
    net.nodes = [functions.call(block, [n for n in calls if n not in block], "block")
                 for block in blocks]


def branch(name, nodes, value):
    """A subgraph without inputs that gives one float value."""
    output = helper.make_empty_tensor_value_info(value)
    output.type.tensor_type.elem_type = TensorProto.FLOAT
    return helper.make_graph(nodes, name, [], [output])


@form("if_constant")
def if_constant(net):
    """A layer in the middle behind an If whose condition is an initializer."""
    parts = layers(net)
    for k in range(len(parts) // 2, len(parts) - 1):
        rest = [n for other in parts[:k] + parts[k + 1 :] for n in other]
        inputs, outputs = crossings(net, parts[k], rest)
        data = [i for i in inputs if i not in net.weights]
        if len(outputs) == len(data) == 1:
            break
    else:
        raise NotApplicable("no layer with one input and one output")
    inner, other = net.name(outputs[0] + "/then"), net.name(outputs[0] + "/else")
    for node in parts[k]:
        node.input[:] = [inner if i == outputs[0] else i for i in node.input]
        node.output[:] = [inner if o == outputs[0] else o for o in node.output]
    condition = net.constant(np.array(True), "condition")
    identity = helper.make_node("Identity", data, [other])
    before = sum(len(part) for part in parts[:k])
    tail = net.nodes[before + len(parts[k]) :]
    net.nodes = net.nodes[:before]
    net.add("If", condition, to=outputs[0], then_branch=branch("then", parts[k], inner),
            else_branch=branch("else", [identity], other))
    net.nodes += tail


@form("if_squeeze")
def if_squeeze(net):
    """Squeeze of an axis if it has one element, as PyTorch's x.squeeze(dim)."""
    def emit(x, axes, extent, out):
        mean = reduce_mean(net, x, axes, 1)
        for axis in reversed(axes):
            mean = squeeze_if_one(net, mean, axis, to=out if axis == axes[0] else None)

    each_mean(net, emit)


def squeeze_if_one(net, x, axis, to):
    extent = net.add("Gather", net.add("Shape", x), net.integers(axis, "axis"), axis=0)
    one = net.add("Equal", extent, net.integers(1, "one"))
    then, other = net.name(x + "/squeezed"), net.name(x + "/kept")
    nodes, net.nodes = net.nodes, []
    squeeze(net, x, [axis], to=then)
    squeezing, net.nodes = net.nodes, nodes
    keeping = [helper.make_node("Identity", [x], [other])]
    return net.add("If", one, to=to, then_branch=branch("squeeze", squeezing, then),
                   else_branch=branch("keep", keeping, other))
