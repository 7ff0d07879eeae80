"""A model as plain lists that the forms rewrite, and the registry of the forms.

A form is a function that edits a Net in place. Arrays are numpy; nodes are NodeProto. Constant
nodes are read like initializers and written as nodes again.
"""

from collections import Counter

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FORMS = {}  # name -> function(net), in the order in which they are written
# opset -> what exporters of the time wrote
IR_VERSIONS = {7: 3, 9: 4, 11: 6, 13: 7, 17: 8, 18: 8, 20: 9, 22: 10}
ELEMENTWISE = {"Add", "Clip", "Dropout", "Identity", "Max", "Mul", "Relu", "Sub"}


class NotApplicable(Exception):
    """The network has nothing that this form spells differently, or can't be written so."""


def form(name):
    """Registers a form."""

    def register(function):
        FORMS[name] = function
        return function

    return register


def attributes(node):
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


class Net:
    def __init__(self, model):
        self.ir = model.ir_version
        self.opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        self.producer = model.producer_name
        self.input = helper_copy(model.graph.input[0])
        self.output = helper_copy(model.graph.output[0])
        self.weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.constant_nodes = set()  # names of weights that are written as Constant nodes
        self.nodes = []
        for node in model.graph.node:
            if node.op_type == "Constant":
                self.weights[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
                self.constant_nodes.add(node.output[0])
            else:
                self.nodes.append(helper_copy(node))
        self.functions = []  # FunctionProto
        self.finish = []  # functions of the finished ModelProto, called in order
        self.external = None  # None, "one" file for all tensors or "many"
        self.taken = set(self.weights) | {o for n in self.nodes for o in n.output}

    # Building

    def name(self, base):
        """A value name that nothing has yet."""
        name, count = base, 1
        while name in self.taken:
            count += 1
            name = f"{base}_{count}"
        self.taken.add(name)
        return name

    def constant(self, array, base):
        name = self.name(base)
        self.weights[name] = np.array(array, order="C")
        return name

    def integers(self, values, base):
        return self.constant(np.array(values, np.int64), base)

    def add(self, kind, *inputs, to=None, **attrs):
        """Appends a node; returns the name of its (first) output."""
        outputs = [to] if isinstance(to, str) else to
        outputs = outputs or [self.name(f"{inputs[0] if inputs else 'value'}/{kind}")]
        self.nodes.append(
            helper.make_node(kind, list(inputs), outputs, name=outputs[0] + "/node",
                             **{k: v for k, v in attrs.items() if v is not None}))
        return outputs[0]

    def rewrite(self, kinds, replace):
        """Calls replace(node) for nodes of these kinds: adds others, or returns False to keep."""
        old, self.nodes = self.nodes, []
        for node in old:
            if node.op_type not in kinds or replace(node) is False:
                self.nodes.append(node)
        self.prune()

    def prune(self):
        """Drops nodes and weights that nothing reads any more."""
        while True:
            used = self.uses()
            kept = [n for n in self.nodes if any(o in used for o in n.output)]
            if len(kept) == len(self.nodes):
                break
            self.nodes = kept
        self.weights = {name: array for name, array in self.weights.items() if name in used}

    # Questions

    def uses(self):
        """How often every value is read; the graph's output counts."""
        counts = Counter(i for node in self.nodes for i in reads(node))
        counts[self.output.name] += 1
        return counts

    def readers(self, value):
        return [n for n in self.nodes if value in n.input]

    def only_reader(self, value):
        """The node that alone reads the value, or None."""
        return self.readers(value)[0] if self.uses()[value] == 1 and self.readers(value) else None

    def maker(self, value):
        return next((n for n in self.nodes if value in n.output), None)

    def shapes(self):
        """name -> list of dimensions, a symbolic one being None."""
        model = onnx.shape_inference.infer_shapes(self.model(), data_prop=True)
        values = [*model.graph.value_info, *model.graph.input, *model.graph.output]
        shapes = {name: list(array.shape) for name, array in self.weights.items()}
        for value in values:
            if value.type.tensor_type.HasField("shape"):
                shapes[value.name] = [d.dim_value if d.HasField("dim_value") else None
                                      for d in value.type.tensor_type.shape.dim]
        return shapes

    # Writing

    def model(self):
        tensors = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        constants = [t for t in tensors if t.name in self.constant_nodes]
        tensors = [t for t in tensors if t.name not in self.constant_nodes]
        nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in constants]
        graph = helper.make_graph(
            nodes + self.nodes, "main_graph", [self.input], [self.output], tensors)
        opsets = [helper.make_opsetid("", self.opset)]
        if self.functions:
            opsets.append(helper.make_opsetid("local", 1))
        model = helper.make_model(
            graph, producer_name=self.producer, ir_version=self.ir, opset_imports=opsets,
            functions=self.functions)
        if self.ir < 4:
            list_as_inputs(model)
        for finish in self.finish:
            finish(model)
        return model


def helper_copy(proto):
    copy = type(proto)()
    copy.CopyFrom(proto)
    return copy


def list_as_inputs(model):
    listed = {value.name for value in model.graph.input}
    for t in model.graph.initializer:
        if t.name not in listed:
            model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, t.dims))


def nameless(model):
    """The bytes of a model with its values numbered, nodes unnamed and attributes sorted."""
    copy = helper_copy(model)
    numbers = {"": ""}

    def number(names):
        names[:] = [numbers.setdefault(name, str(len(numbers))) for name in names]

    def visit(graph):
        for node in graph.node:
            node.name = ""
            number(node.input)
            number(node.output)
            sorted_attributes = sorted(map(helper_copy, node.attribute), key=lambda a: a.name)
            del node.attribute[:]
            node.attribute.extend(sorted_attributes)
            for a in node.attribute:
                if a.HasField("g"):
                    visit(a.g)
                if a.HasField("t"):
                    a.t.name = ""
        for value in [*graph.input, *graph.output, *graph.initializer]:
            value.name = numbers.setdefault(value.name, str(len(numbers)))

    visit(copy.graph)
    return copy.SerializeToString(deterministic=True)


def tensors_of(graph_or_function):
    """Every TensorProto: initializers, attributes, those of subgraphs."""
    for t in getattr(graph_or_function, "initializer", []):
        yield t
    for sparse in getattr(graph_or_function, "sparse_initializer", []):
        yield sparse.values
    for node in graph_or_function.node:
        for a in node.attribute:
            if a.HasField("t"):
                yield a.t
            if a.HasField("g"):
                yield from tensors_of(a.g)


def reads(node):
    """What a node reads, its branches included."""
    yield from (i for i in node.input if i)
    for a in node.attribute:
        if a.HasField("g"):
            for inner in a.g.node:
                yield from reads(inner)


def nodes_of(graph_or_function):
    """Every node, those of subgraphs too."""
    for node in graph_or_function.node:
        yield node
        for a in node.attribute:
            if a.HasField("g"):
                yield from nodes_of(a.g)


def bodies(model):
    return [model.graph, *model.functions]


def store(tensor, values, kind):
    """The values in another element type under the same name."""
    raw = helper.make_tensor(tensor.name, kind, values.shape, values.astype(np.float64).flatten())
    array = numpy_helper.to_array(raw)  # raw_data, as files are written
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def retype(model, sources, target):
    """All float values of a model, constants, weights, inputs and outputs, in another type."""
    for body in bodies(model):
        for t in tensors_of(body):
            if t.data_type in sources:
                store(t, numpy_helper.to_array(t), target)
        for node in nodes_of(body):
            for a in node.attribute:
                if node.op_type == "Cast" and a.name == "to" and a.i in sources:
                    a.i = target
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if value.type.tensor_type.elem_type in sources:
            value.type.tensor_type.elem_type = target


def widen(model):
    """Everything in float32: runs everywhere, without roundings between the layers."""
    others = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
    retype(model, others, TensorProto.FLOAT)
