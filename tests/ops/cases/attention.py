"""Attention and what belongs to it: RotaryEmbedding, and the fused operators of com.microsoft."""

import numpy as np

MS = "com.microsoft"
HALF, WIDE = np.float16, np.float64


class Source:
    """Random arrays: source(2, 3) is float32 of shape [2, 3]."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)


def attention(Case, f):
    q, k, v = f(2, 4, 3, 8), f(2, 2, 5, 8), f(2, 2, 5, 6)
    q3, k3, v3 = f(2, 3, 32), f(2, 5, 16), f(2, 5, 12)
    past = [f(2, 2, 4, 8), f(2, 2, 4, 6)]
    heads = {"q_num_heads": 4, "kv_num_heads": 2}
    keep = np.array([[1, 0, 1, 1, 0], [1, 1, 1, 0, 0], [0, 0, 1, 0, 1]], bool)
    full, batched, short = f(2, 4, 3, 9), f(2, 1, 3, 5), f(3, 4)
    long = [f(1, 1, 70, 4), f(1, 1, 70, 4), f(1, 1, 70, 4)]
    only = ["y", "", "", "scores"]

    # Cases without oracle="ort" are what onnxruntime 1.23 lacks, or rounds to float16 in between.
    def case(name, opset, inputs, oracle="reference", **rest):
        return Case(f"attention_{name}", "Attention", opset, inputs, oracle=oracle, **rest)

    same = [f(2, 3, 4, 8) for _ in range(3)]
    return [
        case("23_ort", 23, same, oracle="ort"),
        case("23_ort_packed", 23, [q3, q3, q3], oracle="ort", q_num_heads=4, kv_num_heads=4, is_causal=1),
        case("23_ort_double", 23, [x.astype(WIDE) for x in same], oracle="ort", is_causal=1),
        case("23_groups", 23, [q, k, v], scale=0.3),
        case("23_groups_packed_cached", 23, [q3, k3, v3, None, *past], outputs=3, **heads, is_causal=1),
        case("23_double", 23, [x.astype(WIDE) for x in (q, k, v)], softcap=1.5),
        case("23_mask_double", 23, [x.astype(WIDE) for x in (q, k, v, full[..., :5])]),
        case("23_mask_half", 23, [x.astype(HALF) for x in (q, k, v, full[..., :5])]),
        case("23_mask_bool", 23, [q, k, v, keep]),
        case("23_mask_causal", 23, [q, k, v, full[0, :, :, :5]], is_causal=1),
        case("23_mask_cached", 23, [q, k, v, full, *past], outputs=4, qk_matmul_output_mode=3),
        case("23_mask_rank_3", 23, [q, k, v, f(4, 1, 5)]),
        case("23_mask_constant", 23, [q, k, v, keep], const=(3,)),
        case("24_mask_short", 24, [q, k, v, short]),
        case("24_lengths", 24, [q, k, v, batched, None, None, np.array([5, 2])]),
        case("24_lengths_mask", 24, [q, k, v, batched[..., :4], None, None, np.array([3, 4])]),
        case("23_scores", 23, [q, k, v, full[..., :5]], outputs=only),
        case("23_no_queries", 23, [q[:, :, :0], k, v]),
        case("23_many_rows", 23, long, is_causal=1),
    ]


def rotary(Case, f):
    x, packed = f(2, 3, 4, 8), f(2, 4, 24)
    ids = np.array([[0, 5, 2, 3], [8, 8, 1, 0]])
    tables, part = [f(9, 4), f(9, 4)], [f(9, 2), f(9, 2)]
    rows = [f(2, 4, 4), f(2, 4, 4)]

    def case(name, inputs, oracle="ort", **attrs):
        return Case(f"rotary_23_{name}", "RotaryEmbedding", 23, inputs, oracle=oracle, **attrs)

    return [
        case("ids", [x, *tables, ids]),
        case("packed", [packed, *tables, ids], num_heads=3, interleaved=1),
        case("part", [x, *part, ids], rotary_embedding_dim=4, num_heads=3),
        case("rows", [x, *rows], oracle="reference"),
        case("half", [y.astype(HALF) for y in (x, *tables)] + [ids]),
        case("double", [y.astype(WIDE) for y in (packed, *rows)], oracle="reference", num_heads=3),
        case("constant", [x, *tables, ids], const=(1, 2, 3)),
    ]


def multi_head(Case, f):
    q, k, v = f(2, 4, 24), f(2, 6, 24), f(2, 6, 30)
    keep = np.array([[1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 1, 1]], np.int32)
    keep_rows = (f(2, 4, 6) > 0).astype(np.int32)
    past = [f(2, 3, 5, 8), f(2, 3, 5, 8)]
    none = [None, None, None]

    def case(name, inputs, outputs=1, **attrs):
        return Case(f"ms_multi_head_{name}", "MultiHeadAttention", 1, inputs, outputs, domain=MS, num_heads=3, **attrs)

    return [
        case("plain", [q, k, v]),
        case("half", [x.astype(HALF) for x in (q, k, v)]),
        case("bias", [q, k, v, f(78)], outputs=3),
        case("lengths", [q, k, v, None, np.array([3, 6], np.int32)]),
        case("mask", [q, k, v, f(78), keep], mask_filter_value=-50.0),
        case("mask_rows", [q, k, v, None, keep_rows]),
        case("added", [q, k, v, None, keep, f(1, 3, 4, 6)]),
        case("causal", [q, q, v[:, :4]], unidirectional=1, scale=0.3),
        case("cached", [q, k, k, *none, *past], outputs=3),
        case("cached_mask", [q, k, k, None, np.hstack([keep[:, :5], keep]), None, *past], outputs=3),
    ]


def projected(Case, f):
    x, w, b = f(2, 4, 10), f(10, 24), f(24)
    keep = np.array([[1, 1, 1, 0], [1, 0, 1, 1]], np.int32)

    def case(name, inputs, outputs=1, **attrs):
        return Case(f"ms_attention_{name}", "Attention", 1, inputs, outputs, domain=MS, num_heads=2, **attrs)

    return [
        case("plain", [x, w, b]),
        case("weights", [x, w, b], const=(1, 2)),
        case("widths", [x, w, b], qkv_hidden_sizes=[6, 6, 12]),
        case("lengths", [x, w, b, np.array([3, 4], np.int32)]),
        case("mask", [x, w, b, keep]),
        case("mask_rows", [x, w, b, (f(2, 4, 4) > 0).astype(np.int32)], unidirectional=1),
        case("present", [x, w, b], outputs=2, unidirectional=1),
        case("cached", [x, w, b, None, f(2, 2, 2, 3, 4)], outputs=2, unidirectional=1),
        case("added", [x, w, b, None, None, f(1, 2, 4, 4)], scale=0.2),
    ]


def fused(Case, f):
    a, b, x = f(2, 3, 4, 5), f(3, 5, 6), f(2, 4, 10)

    def case(name, op, inputs, outputs=1, **rest):
        return Case(f"ms_{name}", op, 1, inputs, outputs, domain=MS, **rest)

    def norm(name, inputs, outputs=1, **rest):
        return case(f"skip_norm_{name}", "SkipLayerNormalization", inputs, outputs, **rest)

    summed = ["y", "", "", "sum"]
    return [
        case("matmul", "FusedMatMul", [a, b], alpha=0.5),
        case("matmul_trans_a", "FusedMatMul", [a.swapaxes(2, 3).copy(), b], transA=1),
        case("matmul_trans_b", "FusedMatMul", [a, b.swapaxes(1, 2).copy()], alpha=-2.0, transB=1),
        case("matmul_trans_both", "FusedMatMul", [f(5, 4), f(2, 6, 5)], transA=1, transB=1),
        case("gelu", "Gelu", [3 * x]),
        case("gelu_half", "Gelu", [np.abs(x).astype(HALF)]),
        case("bias_gelu", "BiasGelu", [x, f(10)]),
        case("fast_gelu", "FastGelu", [x]),
        case("fast_gelu_bias", "FastGelu", [x, f(10)]),
        norm("plain", [x, f(2, 4, 10), f(10)]),
        norm("beta", [x, f(2, 4, 10), f(10), f(10)], epsilon=0.1),
        norm("bias", [x, f(1, 4, 10), f(10), f(10), f(10)], outputs=summed, epsilon=1e-5),
        norm("skip_rank_2", [x, f(4, 10), f(10), None, f(10)], outputs=summed),
        norm("rank_2", [x[0], x[1], f(10), f(10)]),
    ]


def cases(Case):
    f = Source(23)
    return [*attention(Case, f), *rotary(Case, f), *multi_head(Case, f), *projected(Case, f), *fused(Case, f)]
