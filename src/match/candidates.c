#include "match/candidates.h"

static const weld_candidate table[] = {
    {"weights", "weights", 0, 0},         {"activations", "activations", 0, 0},
    {"weights order 0", "weights", 1, 0}, {"weights order 1", "weights", 1, 1},
    {"weights order 2", "weights", 1, 2}, {"weights order 3", "weights", 1, 3},
    {"weights order 4", "weights", 1, 4}, {"weights order 5", "weights", 1, 5},
    {"weights order 6", "weights", 1, 6}, {"weights order 7", "weights", 1, 7},
};

const weld_candidate *weld_candidates(size_t *count)
{
    *count = sizeof table / sizeof *table;
    return table;
}
