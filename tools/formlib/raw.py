"""A multilayer perceptron as bytes of an ONNX file, written tensor by tensor: files of any size without
the protobuf library, which holds a model as a whole."""

import contextlib
import os

FLOAT, FLOAT16, DOUBLE, BFLOAT16 = 1, 10, 11, 16
BYTES = {FLOAT: 4, FLOAT16: 2, DOUBLE: 8, BFLOAT16: 2}


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def head(number, size):
    return varint(number << 3 | 2) + varint(size)


def field(number, content):
    return head(number, len(content)) + content


def scalar(number, value):
    return varint(number << 3) + varint(value)


def text(number, value):
    return field(number, value.encode())


def value_info(name, dtype, width):
    shape = field(1, text(2, "N")) + field(1, scalar(1, width))
    return text(1, name) + field(2, field(1, scalar(1, dtype) + field(2, shape)))


def nodes(layers, turned):
    """Gemm with transB, or MatMul and Add with the weight turned; Relu between layers."""
    out, x = b"", "x"
    for k in range(layers):
        y = f"y{k}"
        if turned:
            out += field(1, text(1, x) + text(1, f"w{k}") + text(2, f"p{k}") + text(4, "MatMul"))
            out += field(1, text(1, f"p{k}") + text(1, f"b{k}") + text(2, y) + text(4, "Add"))
        else:
            attribute = text(1, "transB") + scalar(3, 1) + scalar(20, 2)
            out += field(1, text(1, x) + text(1, f"w{k}") + text(1, f"b{k}") + text(2, y)
                         + text(4, "Gemm") + field(5, attribute))
        x = y
        if k + 1 < layers:
            x = f"r{k}"
            out += field(1, text(1, y) + text(2, x) + text(4, "Relu"))
    return out, x


def shapes(width, layers):
    for k in range(layers):
        yield f"w{k}", [width, width]
        yield f"b{k}", [width]


def tensors(width, layers, dtype, location):
    """(TensorProto without its data, bytes of data), in file order."""
    offset = 0
    for name, dims in shapes(width, layers):
        size = BYTES[dtype]
        start = b""
        for dim in dims:
            size *= dim
            start += scalar(1, dim)
        start += scalar(2, dtype) + text(8, name)
        if location:
            for key, value in ("location", location), ("offset", str(offset)), ("length", str(size)):
                start += field(13, text(1, key) + text(2, value))
            start += scalar(14, 1)
            offset += size
        yield start, size


def write(path, content, *, width, layers, dtype=FLOAT, external=False, turned=False):
    """content(size): that many bytes of elements, called until all have been given. External data go to
    PATH.data. Without content the data are a hole in the file: zeros that take no room."""
    data = f"{path}.data" if external else None
    listed = list(tensors(width, layers, dtype, data.rsplit("/", 1)[-1] if data else None))
    start, output = nodes(layers, turned)
    end = field(11, value_info("x", dtype, width)) + field(12, value_info(output, dtype, width))

    def length(message, size):
        return len(message) if external else len(message) + len(head(9, size)) + size

    initializers = [(head(5, length(m, s)) + m + (b"" if external else head(9, s)), s)
                    for m, s in listed]
    inside = 0 if external else sum(size for _, size in listed)
    total = len(start) + sum(len(m) for m, _ in initializers) + inside + len(end)
    with contextlib.ExitStack() as files:
        model = files.enter_context(open(path, "wb"))
        beside = files.enter_context(open(data, "wb")) if external else model
        model.write(scalar(1, 10) + field(8, scalar(2, 21)) + head(7, total) + start)
        for message, size in initializers:
            model.write(message)
            if content is None:
                beside.truncate(beside.tell() + size)
                beside.seek(0, os.SEEK_END)
                continue
            rest = size
            while rest:
                part = content(min(rest, 1 << 22))
                beside.write(part)
                rest -= len(part)
        model.write(end)
