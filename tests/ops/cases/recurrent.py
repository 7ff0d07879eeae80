"""LSTM, GRU and RNN: directions, optional inputs and outputs, activations. (onnxruntime has no layout
1, and ONNX's evaluator is wrong there: ONNX's own vectors test it.)"""

import numpy as np

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
S, B, I, H = 4, 3, 2, 5  # steps, batch, input size, hidden size


def weights(rng, op, directions, dtype=np.float32):
    g = GATES[op]
    return [(0.5 * rng.standard_normal(shape)).astype(dtype)
            for shape in ((directions, g * H, I), (directions, g * H, H), (directions, 2 * g * H))]


def variants(Case, rng, op):
    x = rng.standard_normal((S, B, I)).astype(np.float32)
    w, r, b = weights(rng, op, 1)
    outputs = 3 if op == "LSTM" else 2
    h0 = rng.standard_normal((1, B, H)).astype(np.float32)
    lengths = np.array([4, 1, 3], np.int32)
    name = op.lower()
    result = [
        Case(f"{name}_7", op, 7, [x, w, r], outputs, hidden_size=H),
        Case(f"{name}_7_bias_state", op, 7, [x, w, r, b, None, h0], outputs, hidden_size=H),
        Case(f"{name}_14_lengths", op, 14, [x, w, r, b, lengths, h0], outputs, hidden_size=H),
        Case(f"{name}_14_last_only", op, 14, [x, w, r, b], ["", "yh"], hidden_size=H),
        Case(f"{name}_14_reverse", op, 14, [x, w, r, b, lengths], outputs, hidden_size=H, direction="reverse"),
        Case(f"{name}_14_clip", op, 14, [x, w, r, b], outputs, hidden_size=H, clip=0.3),
        Case(f"{name}_22_constant_weights", op, 22, [x, w, r, b], outputs, const=(1, 2, 3), hidden_size=H),
    ]
    w2, r2, b2 = weights(rng, op, 2)
    result.append(Case(f"{name}_7_bidirectional", op, 7, [x, w2, r2, b2, lengths], outputs,
                       hidden_size=H, direction="bidirectional"))
    return result


def cases(Case):
    rng = np.random.default_rng(11)
    result = [case for op in GATES for case in variants(Case, rng, op)]
    x = rng.standard_normal((S, B, I)).astype(np.float32)
    w, r, b = weights(rng, "LSTM", 1)
    p = rng.standard_normal((1, 3 * H)).astype(np.float32)
    h0, c0 = (rng.standard_normal((1, B, H)).astype(np.float32) for _ in range(2))
    result += [
        Case("lstm_7_peephole", "LSTM", 7, [x, w, r, b, None, h0, c0, p], 3, hidden_size=H),
        Case("lstm_14_input_forget", "LSTM", 14, [x, w, r, b], 3, hidden_size=H, input_forget=1),
        Case("lstm_14_activations", "LSTM", 14, [x, w, r, b], 3, hidden_size=H,
             activations=["HardSigmoid", "Softsign", "Relu"]),
    ]
    w, r, b = weights(rng, "GRU", 1)
    result.append(Case("gru_7_linear_before_reset", "GRU", 7, [x, w, r, b], 2, hidden_size=H, linear_before_reset=1))
    w, r, b = weights(rng, "RNN", 1)
    for activation in ("Relu", "Sigmoid", "Softplus", "Softsign"):
        result.append(Case(f"rnn_14_{activation.lower()}", "RNN", 14, [x, w, r, b], 2, hidden_size=H,
                           activations=[activation]))
    return result
