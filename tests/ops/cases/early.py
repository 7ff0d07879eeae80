"""Forms of opsets 1 to 6: broadcasting by `axis`, attributes about memory."""

import numpy as np

BINARY = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power}
TESTS = {"Equal": np.equal, "Greater": np.greater, "Less": np.less}
LOGIC = {"And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor}
UNARY = {"Abs": np.abs, "Ceil": np.ceil, "Exp": np.exp, "Floor": np.floor, "Log": np.log, "Neg": np.negative,
         "Reciprocal": lambda x: 1 / x, "Sqrt": np.sqrt, "Relu": lambda x: np.maximum(x, 0), "Tanh": np.tanh,
         "Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "LeakyRelu": lambda x: x * np.float32(1),
         "Elu": lambda x: x, "HardSigmoid": lambda x: np.clip(np.float32(0.2) * x + np.float32(0.5), 0, 1)}


def broadcasts(Case, functions, x, y):
    result = []
    for op, f in functions.items():
        name = op.lower()
        view = lambda b, axis, f=f: lambda x, y: f(x, y.reshape(y.shape + (1,) * (x.ndim - axis - y.ndim)))
        result += [
            Case(f"{name}_1_equal", op, 1, [x, y], oracle=f),
            Case(f"{name}_1_last", op, 1, [x, y[0, 0]], oracle=f, broadcast=1),
            Case(f"{name}_1_last_two", op, 1, [x, y[0]], oracle=f, broadcast=1),
            Case(f"{name}_1_first", op, 1, [x, y[:, 0, 0].copy()], oracle=view(y, 0), broadcast=1, axis=0),
            Case(f"{name}_6_middle", op, 6, [x, y[0, :, 0].copy()], oracle=view(y, 1), broadcast=1, axis=1),
            Case(f"{name}_6_first_two", op, 6, [x, y[:, :, 0].copy()], oracle=view(y, 0), broadcast=1, axis=0),
            Case(f"{name}_6_negative", op, 6, [x, y[0, :, 0].copy()], oracle=view(y, 1), broadcast=1, axis=-2),
            Case(f"{name}_6_scalar", op, 6, [x, y[0, 0, 0]], oracle=f, broadcast=1),
            Case(f"{name}_6_one", op, 6, [x, y[0, 0, :1]], oracle=f, broadcast=1, axis=0),
        ]
    return result


def cases(Case):
    rng = np.random.default_rng(12)
    x = (rng.random((2, 3, 4)) + 0.5).astype(np.float32)
    y = (rng.random((2, 3, 4)) + 0.5).astype(np.float32)
    result = broadcasts(Case, BINARY, x, y)
    result += broadcasts(Case, TESTS, np.round(4 * x), np.round(4 * y))
    result += broadcasts(Case, LOGIC, x > 1, y > 1)
    result += [Case("add_1_consumed", "Add", 1, [x, y], oracle=np.add, consumed_inputs=[0, 1])]
    for op, f in UNARY.items():
        result.append(Case(f"{op.lower()}_1", op, 1, [x], oracle=f, consumed_inputs=[0]))
    for op, f in {"Sum": np.add, "Max": np.maximum, "Min": np.minimum}.items():
        result.append(Case(f"{op.lower()}_1", op, 1, [x, y], oracle=f, consumed_inputs=[0, 0]))
    slopes = np.float32([-0.5, 0.25, 2])
    slope = lambda x, s: np.where(x < 0, x * s[:, None], x)
    result += [
        Case("mean_1", "Mean", 1, [x, y], oracle=lambda x, y: (x + y) / 2, consumed_inputs=[0, 0]),
        Case("clip_1", "Clip", 1, [x], oracle=lambda x: np.clip(x, np.float32(0.75), np.float32(1.25)), min=0.75,
             max=1.25, consumed_inputs=[0]),
        Case("prelu_1_channels", "PRelu", 1, [x - 1, slopes], oracle=slope, consumed_inputs=[0]),
        Case("prelu_6_channels", "PRelu", 6, [x - 1, slopes], oracle=slope),
        Case("prelu_6_one", "PRelu", 6, [x - 1, slopes[:1]], oracle=slope),
    ]
    return result
