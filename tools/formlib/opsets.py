"""The same network at another opset, every operator in the form it has there."""

from . import spell
from .net import IR_VERSIONS, NotApplicable, attributes, form
from .norms import decompose_layer_norms, each_gelu

# operator -> the first opset that has it
FIRST = {"Erf": 9, "LayerNormalization": 17, "Gelu": 20}


def positive(axes, shapes, x):
    rank = len(shapes[x])
    return None if axes is None else [a + rank if a < 0 else a for a in axes]


def of_axes(since):
    """Operators whose axes moved to an input in opset `since`; no negative ones below opset 11."""

    def prepare(net, node, shapes):
        axes = spell.argument(net, node, "axes", 1)
        rest = {k: v for k, v in attributes(node).items() if k != "axes"}

        def convert():
            x, kind = node.input[0], node.op_type
            known = axes if net.opset >= 11 or kind == "Unsqueeze" else positive(axes, shapes, x)
            spell.moved(net, kind, x, "axes", known, since, node.output[0], **rest)

        return convert

    return prepare


def of_clip(net, node, shapes):
    bounds = [spell.argument(net, node, name, k) for k, name in ((1, "min"), (2, "max"))]
    return lambda: spell.clip(net, node.input[0], *bounds, to=node.output[0])


def of_pad(net, node, shapes):
    pads = spell.argument(net, node, "pads", 1)
    return lambda: spell.pad(net, node.input[0], pads, to=node.output[0])


def of_dropout(net, node, shapes):
    ratio = spell.argument(net, node, "ratio", 1)
    return lambda: spell.dropout(net, node.input[0], ratio, to=node.output[0])


def of_split(net, node, shapes):
    sizes, axis = spell.argument(net, node, "split", 1), attributes(node).get("axis", 0)
    return lambda: spell.split(net, node.input[0], sizes, axis, list(node.output))


def of_slice(net, node, shapes):
    bounds = [spell.argument(net, node, name, k)
              for k, name in enumerate(("starts", "ends", "axes"), 1)]
    return lambda: spell.slices(net, node.input[0], *bounds, to=node.output[0])


def of_softmax(net, node, shapes):
    """Below 13 all axes from `axis` on are one: the same for the last, which 13 has by default."""
    rank = len(shapes[node.input[0]])
    if attributes(node).get("axis", -1) not in (-1, rank - 1):
        raise NotApplicable("Softmax over an axis that is not the last")

    def convert():
        axis = rank - 1 if net.opset < 11 else -1
        net.add("Softmax", node.input[0], to=node.output[0], axis=axis)

    return convert


def of_batch_norm(net, node, shapes):
    given = {k: v for k, v in attributes(node).items() if k in ("epsilon", "momentum")}

    def convert():
        extra = {"spatial": 1} if net.opset < 9 else {"training_mode": 0} if net.opset >= 14 else {}
        net.add("BatchNormalization", *node.input, to=node.output[0], **given, **extra)

    return convert


CONVERSIONS = {
    "Squeeze": of_axes(13), "Unsqueeze": of_axes(13),
    "ReduceMean": of_axes(18), "Clip": of_clip, "Pad": of_pad,
    "Dropout": of_dropout, "Split": of_split, "Slice": of_slice, "Softmax": of_softmax,
    "BatchNormalization": of_batch_norm,
}


def to_opset(net, version):
    """Reads every operator by the old opset, writes it by the new one."""
    if version < 17:
        decompose_layer_norms(net)
    for node in net.nodes:
        if FIRST.get(node.op_type, 1) > version:
            raise NotApplicable(f"{node.op_type} is new in opset {FIRST[node.op_type]}")
    shapes = net.shapes()
    read = {id(n): CONVERSIONS[n.op_type](net, n, shapes)
            for n in net.nodes if n.op_type in CONVERSIONS}
    net.opset, net.ir = version, IR_VERSIONS[version]
    net.rewrite(set(CONVERSIONS), lambda node: read[id(node)]())


def at_opset(version):
    def edit(net):
        """Every operator in the form that it has there; Gelu as one from opset 20 on."""
        to_opset(net, version)
        if version >= 20:
            each_gelu(net, lambda x, out: net.add("Gelu", x, to=out))

    return edit


for _version in (7, 9, 11, 13, 17, 18, 20):
    form(f"opset{_version}")(at_opset(_version))


@form("gelu_op")
def gelu_op(net):
    """Gelu of opset 20."""
    if not any(n.op_type == "Erf" for n in net.nodes):
        raise NotApplicable("no GELU")
    to_opset(net, 20)
    each_gelu(net, lambda x, out: net.add("Gelu", x, to=out))
