/* From a file to its graph: Ifs whose condition does not depend on the data are decided first. */
#include "api/objects.h"
#include "canon/canon.h"

/* Decides the number-th If that is open; *decided: 1 or 0, -1 = its condition can't be known. *none:
 * there is no such If. */
static weld_status decide_one(int *decided, bool *none, weld_strmap *branches, char **name,
                              weld_onnx_file *file, int number, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_draft draft;
    weld_error tried = WELD_ERROR_INIT;
    bool known;
    weld_draft_init(&draft, file->ctx);
    *decided = -1;
    *none = false;
    st = weld_onnx_import_condition(name, &draft, file, branches, number, &tried);
    if (st == WELD_OK && !*name) {
        *none = true;
        goto done;
    }
    if (st == WELD_OK)
        st = weld_infer_draft(&known, &draft, &tried);
    if (st == WELD_E_NOMEM && err)
        *err = tried;
    if (st != WELD_OK) { /* an If inside the condition, an operator that we lack: it stays open */
        st = st == WELD_E_NOMEM ? st : WELD_OK;
        goto done;
    }
    const weld_value *value = &draft.values[draft.outputs[0]];
    if (value->kind == WELD_VALUE_CONST && weld_shape_numel(&value->data->shape) == 1)
        *decided = weld_tensor_number(value->data, 0) != 0;
done:
    weld_draft_free(&draft);
    return st;
}

/* One If after the other; what is inside a branch comes up when the branch has been chosen. `names`
 * keeps the keys of `branches`. */
static weld_status decide_branches(weld_strmap *branches, weld_arena *names, weld_onnx_file *file,
                                   weld_error *err)
{
    enum { IFS_MAX = 256 };
    weld_status st = WELD_OK;
    char *name = NULL;
    for (int number = 0, rounds = 0; rounds < IFS_MAX; rounds++) {
        int decided;
        bool none;
        weld_free(file->ctx, name);
        name = NULL;
        WELD_TRY(decide_one(&decided, &none, branches, &name, file, number, err));
        if (none)
            break;
        if (decided < 0) {
            number++;
            continue;
        }
        const char *kept = weld_arena_strdup(names, name);
        WELD_REQUIRE(kept, WELD_E_NOMEM, "out of memory");
        WELD_TRY(weld_strmap_put(branches, kept, decided, err));
        number = 0; /* another one may depend on it */
    }
done:
    weld_free(file->ctx, name);
    return st;
}

weld_status weld_import_file(weld_draft *draft, weld_onnx_file *file, const weld_reading *reading,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_strmap branches;
    weld_arena names;
    const weld_import_options options = {&branches, reading->copies, reading->freeze};
    weld_strmap_init(&branches, file->ctx);
    weld_arena_init(&names, file->ctx);
    if (file->has_if)
        WELD_TRY(decide_branches(&branches, &names, file, err));
    WELD_TRY(weld_onnx_import(draft, file, &options, err));
done:
    weld_strmap_free(&branches);
    weld_arena_free(&names);
    return st;
}
