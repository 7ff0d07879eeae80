"""Operators that move elements: Concat, Split, Slice, Gather, Compress, Expand, Tile, ReverseSequence."""

import ml_dtypes
import numpy as np

TYPES = ("float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")
i64 = lambda *v: np.array(v, np.int64)
i32 = lambda *v: np.array(v, np.int32)


def joins(Case, x, y):
    return [
        Case("concat_1_default", "Concat", 1, [x, y], oracle=lambda x, y: np.concatenate((x, y), 1)),
        Case("concat_4", "Concat", 7, [x, y], axis=1),
        Case("concat_4_last", "Concat", 7, [x, y, x], axis=2),
        Case("concat_11_negative", "Concat", 11, [x, y], axis=-3),
        Case("concat_13_sizes", "Concat", 13, [x, x[:, :1], x[:, :0]], axis=1),
        Case("concat_13_one", "Concat", 13, [x], axis=0),
        # Constants of one number each, which are not the same number.
        Case("concat_13_fills", "Concat", 13, [np.arange(6).reshape(2, 3), np.zeros((2, 2), np.int64),
                                               np.ones((2, 3), np.int64)], const=(1, 2), axis=1),
        Case("split_1", "Split", 1, [x], outputs=2, oracle=lambda x: np.split(x, [1], 2), axis=2, split=[1, 3]),
        Case("split_2", "Split", 7, [x], outputs=2, axis=1, split=[1, 2]),
        Case("split_2_equal", "Split", 7, [x], outputs=2, axis=2),
        Case("split_11_negative", "Split", 11, [x], outputs=3, axis=-2),
        Case("split_13", "Split", 13, [x, i64(1, 0, 3)], outputs=3, const=(1,), axis=2),
        Case("split_13_equal", "Split", 13, [x], outputs=2),
        # onnxruntime crashes.
        Case("split_13_left_out", "Split", 13, [x, i64(1, 1, 2)], outputs=["y0", "", "y2"], const=(1,), axis=2,
             oracle=lambda x, s: [x[..., :1], x[..., 2:]]),
        Case("split_18", "Split", 18, [x, i64(3, 1)], outputs=2, const=(1,), axis=-1),
        Case("split_18_num_outputs", "Split", 18, [x], outputs=2, axis=2, num_outputs=2),
        Case("split_18_shorter_last", "Split", 18, [x], outputs=3, axis=2, num_outputs=3,
             oracle=lambda x: [x[..., :2], x[..., 2:4], x[..., 4:]]),
        Case("split_18_uneven", "Split", 18, [x], outputs=2, axis=1, num_outputs=2),
    ]


def slices(Case, x):
    big = 2**63 - 1
    bounds = lambda starts, ends, axes=None, steps=None, kind=i64: [
        x, kind(*starts), kind(*ends), None if axes is None else kind(*axes),
        *([] if steps is None else [kind(*steps)])]
    const = (1, 2, 3, 4)
    case = lambda name, opset, *args, **kw: Case(name, "Slice", opset, bounds(*args, **kw), const=const)
    return [
        Case("slice_1", "Slice", 7, [x], starts=[0, 1], ends=[2, 3], axes=[0, 2]),
        Case("slice_1_no_axes", "Slice", 7, [x], starts=[1, 0, 1], ends=[2, 2, 1000]),
        Case("slice_1_negative", "Slice", 9, [x], starts=[-2], ends=[-1], axes=[1]),
        case("slice_10", 10, (1,), (3,), (1,)),
        case("slice_10_int32", 10, (1, 0), (3, 4), (1, 2), (1, 2), kind=i32),
        case("slice_11_negative_axis", 11, (1,), (3,), (-1,)),
        case("slice_13_no_axes", 13, (0, 1), (1, 3)),
        case("slice_13_reverse", 13, (big,), (-big,), (2,), (-1,)),
        case("slice_13_reverse_by_2", 13, (-1,), (0,), (2,), (-2,)),
        case("slice_13_reverse_all", 13, (big, big, big), (-big,) * 3, (0, 1, 2), (-1, -1, -1)),
        case("slice_13_huge", 13, (-big - 1,), (big,), (1,)),
        case("slice_13_huge_step", 13, (0,), (big,), (1,), (big,)),
        case("slice_13_huge_negative_step", 13, (2,), (-big - 1,), (1,), (-big - 1,)),
        case("slice_13_empty", 13, (3,), (1,), (2,)),
        case("slice_13_beyond", 13, (100,), (200,), (2,)),
        case("slice_13_none", 13, (), (), ()),
        Case("slice_13_fed", "Slice", 13, [x, i64(1), i64(3), i64(2)]),
    ]


def picks(Case, x):
    mask = np.array([True, False, True])
    return [
        Case("gather_1", "Gather", 7, [x, i64(1, 0, 1)]),
        Case("gather_1_axis", "Gather", 7, [x, i32(2, 0)], axis=2),
        Case("gather_11_negative", "Gather", 11, [x, i64(-1, 1, -3)], axis=-2),
        Case("gather_13_matrix", "Gather", 13, [x, np.array([[0, 2], [1, 1]])], axis=1),
        Case("gather_13_scalar", "Gather", 13, [x, np.array(-1)], axis=1),
        Case("gather_13_constant", "Gather", 13, [x, i64(2, 0, 1)], const=(1,), axis=1),
        Case("gather_13_none", "Gather", 13, [x, i64()], axis=1),
        Case("gather_13_of_vector", "Gather", 13, [x[0, 0], np.array(2)]),
        Case("compress_9", "Compress", 9, [x, mask], const=(1,), axis=1),
        Case("compress_9_flat", "Compress", 9, [x, np.tile(mask, 8)], const=(1,)),
        Case("compress_11_negative", "Compress", 11, [x, mask], const=(1,), axis=-2),
        Case("compress_11_short", "Compress", 11, [x, mask[:2]], const=(1,), axis=2),
        Case("compress_11_flat_short", "Compress", 11, [x, ~mask], const=(1,)),
        Case("compress_11_nothing", "Compress", 11, [x, mask & False], const=(1,), axis=1),
        Case("compress_11_fed", "Compress", 11, [x, mask], axis=1),
    ]


def repeats(Case, x):
    thin = x[:, :1]
    tile_1 = lambda x, n, axis: np.concatenate([x] * int(n), int(axis))
    return [
        Case("expand_8", "Expand", 8, [thin, i64(2, 3, 4)], const=(1,)),
        Case("expand_8_of_lower_rank", "Expand", 8, [thin[0], i64(5, 2, 1)], const=(1,)),
        Case("expand_8_by_lower_rank", "Expand", 8, [thin, i64(3, 1)], const=(1,)),
        Case("expand_13_both_ways", "Expand", 13, [x[:, :1, :], i64(2, 1, 2, 3, 1)], const=(1,)),
        Case("expand_13_same", "Expand", 13, [x, i64(1)], const=(1,)),
        Case("expand_13_scalar", "Expand", 13, [np.array(2, np.float32), i64(2, 2)], const=(1,)),
        Case("expand_13_to_nothing", "Expand", 13, [thin, i64(2, 0, 4)], const=(1,)),
        Case("expand_13_fed", "Expand", 13, [thin, i64(2, 3, 4)]),
        Case("tile_1", "Tile", 1, [x, np.float32([2]), np.float32([1])], const=(1, 2), oracle=tile_1),
        Case("tile_6", "Tile", 7, [x, i64(1, 2, 2)], const=(1,)),
        Case("tile_13", "Tile", 13, [x, i64(3, 1, 1)], const=(1,)),
        Case("tile_13_nothing", "Tile", 13, [x, i64(1, 0, 1)], const=(1,)),
        Case("tile_13_rank_0", "Tile", 13, [np.array(2, np.float32), i64()], const=(1,), oracle=lambda x, n: x),
        Case("tile_13_vector", "Tile", 13, [x[0, 0], i64(3)], const=(1,)),
        Case("tile_13_of_one", "Tile", 13, [thin, i64(1, 3, 1)], const=(1,)),
    ]


def reverse(x, lengths):
    """Axis 0 is the time, axis 1 the batch."""
    y = x.copy()
    for b, n in enumerate(lengths):
        y[:n, b] = x[:n, b][::-1]
    return y


def sequences(Case, x):
    return [
        # onnxruntime leaves sequences of length 0 unset.
        Case("reversesequence_10_time", "ReverseSequence", 10, [x, i64(2, 0, 1)], oracle=reverse),
        Case("reversesequence_10_batch", "ReverseSequence", 10, [x, i64(3, 2)], batch_axis=0, time_axis=1),
        Case("reversesequence_10_constant", "ReverseSequence", 10, [x, i64(1, 2, 2)], const=(1,)),
        Case("reversesequence_10_rank_2", "ReverseSequence", 10, [x[0], i64(2, 0, 1, 3)], oracle=reverse),
    ]


def types(Case):
    result = []
    two = i64(2, 2)
    for name in (*TYPES, "bfloat16"):
        x = np.array([[0, 1, 2], [3, 100, 5]]).astype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
        result += [
            Case(f"concat_13_{name}", "Concat", 13, [x, x[:, :1]], axis=1,
                 oracle=lambda x, y: np.concatenate((x, y), 1)),
            Case(f"split_13_{name}", "Split", 13, [x, i64(2, 1)], outputs=2, const=(1,), axis=1,
                 oracle=lambda x, s: [x[:, :2].copy(), x[:, 2:].copy()]),
            Case(f"slice_13_{name}", "Slice", 13, [x, i64(2), i64(-4), i64(1), i64(-2)], const=(1, 2, 3, 4),
                 oracle=lambda x, *s: x[:, ::-2].copy()),
            Case(f"gather_13_{name}", "Gather", 13, [x, i64(1, -1)], axis=1, oracle=lambda x, i: x[:, i]),
            Case(f"compress_11_{name}", "Compress", 11, [x, np.array([False, True])], const=(1,), axis=0,
                 oracle=lambda x, c: x[1:]),
            Case(f"expand_13_{name}", "Expand", 13, [x, i64(2, 1, 1)], const=(1,), oracle=lambda x, s: np.stack((x, x))),
            Case(f"tile_13_{name}", "Tile", 13, [x, two], const=(1,), oracle=np.tile),
            Case(f"reversesequence_10_{name}", "ReverseSequence", 10, [x, i64(2, 1, 2)],
                 oracle=reverse),
        ]
    return result


def cases(Case):
    x, y = np.random.default_rng(2).standard_normal((2, 2, 3, 4)).astype(np.float32)
    return [*joins(Case, x, y), *slices(Case, x), *picks(Case, x), *repeats(Case, x), *sequences(Case, x),
            *types(Case)]
