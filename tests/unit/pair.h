/* A pair of models with data and alignment. For one test program each; include it behind cmocka.h. */
#ifndef WELD_TESTS_PAIR_H
#define WELD_TESTS_PAIR_H
#include "api/objects.h"
#include <stdatomic.h>

#define OK(call) assert_int_equal((call), WELD_OK)

typedef struct fixture {
    weld_context *ctx;
    weld_model *a, *b;
    weld_dataset *data;
    weld_alignment *alignment;
} fixture;

/* What is not there is left out. Nothing may remain in the context. */
static void close_pair(fixture *f)
{
    weld_alignment_free(f->alignment);
    weld_dataset_free(f->data);
    weld_model_free(f->a);
    weld_model_free(f->b);
    assert_int_equal(atomic_load(&f->ctx->in_use_bytes), 0);
    weld_context_free(f->ctx);
}
#endif
