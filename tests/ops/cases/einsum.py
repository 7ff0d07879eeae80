"""Einsum: one, two and three operands, ellipsis, diagonals, implicit outputs."""

import numpy as np


def cases(Case):
    rng = np.random.default_rng(13)

    def a(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    todo = {
        "transpose": ("ij->ji", a(3, 4)), "sum": ("ij->i", a(3, 4)), "total": ("ij->", a(3, 4)),
        "diagonal": ("ii->i", a(4, 4)), "trace": ("...ii->...", a(2, 3, 3)),
        "matmul": ("ij,jk->ik", a(3, 4), a(4, 5)), "implicit": ("ij,jk", a(3, 4), a(4, 5)),
        "batched": ("bij,bjk->bik", a(2, 3, 4), a(2, 4, 5)),
        "heads": ("bqhd,bkhd->bhqk", a(2, 3, 4, 5), a(2, 6, 4, 5)),
        "ellipsis": ("...ij,...jk->...ik", a(2, 1, 3, 4), a(2, 1, 4, 2)),
        "outer": ("i,j->ij", a(3), a(4)), "dot": ("i,i", a(5), a(5)),
        "elementwise": ("ij,ij->ij", a(3, 4), a(3, 4)), "spaces": (" i j , j k -> k i ", a(3, 4), a(4, 5)),
        "three": ("ij,jk,kl->il", a(2, 3), a(3, 4), a(4, 5)),
        "sum_both": ("ijk,jl->l", a(2, 3, 4), a(3, 5)),
    }
    result = [Case(f"einsum_12_{name}", "Einsum", 12, list(xs), equation=equation)
              for name, (equation, *xs) in todo.items()]
    wide = [a(3, 4).astype(np.float64) * 1e200, a(4, 5).astype(np.float64)]
    result.append(Case("einsum_12_double", "Einsum", 12, wide, equation="ij,jk->ik"))
    return result
