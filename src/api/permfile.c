/* Permutation files, onnxweld.permutation/1: for each free class its members and the permutation,
 * perm[i] = j: unit i of the result is unit j of B. */
#include "api/objects.h"
#include "api/json_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *members_of(const weld_symmetry *s, const weld_class *k)
{
    json_t *list = json_array();
    for (int m = 0; m < k->member_count; m++)
        json_array_append_new(
            list,
            json_sprintf("%s[%d]", s->graph->params[k->members[m].param].name, k->members[m].axis));
    for (int m = 0; m < k->joint_count; m++)
        json_array_append_new(list,
                              json_sprintf("%s[%d]", s->graph->params[k->joints[m].param].name,
                                           k->joints[m].axes[k->joints[m].axis_count - 1]));
    return list;
}

static json_t *to_json(const weld_alignment *al)
{
    json_t *root = json_object(), *classes = json_array();
    json_object_set_new(root, "schema", json_string("onnxweld.permutation/1"));
    json_object_set_new(root, "a_sha256", json_string(al->a->structure->file->sha256));
    json_object_set_new(root, "b_sha256", json_string(al->b->structure->file->sha256));
    for (int c = 0; c < al->symmetry->free_count; c++) {
        const weld_class *k = &al->symmetry->classes[c];
        json_t *item = json_object(), *perm = json_array();
        for (int32_t i = 0; i < k->size; i++)
            json_array_append_new(perm, json_integer(al->element->perms[c][i]));
        json_object_set_new(item, "name", json_string(k->name));
        json_object_set_new(item, "members", members_of(al->symmetry, k));
        json_object_set_new(item, "perm", perm);
        json_array_append_new(classes, item);
    }
    json_object_set_new(root, "classes", classes);
    return root;
}

weld_status weld_alignment_text(weld_buffer *out, const weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    json_t *root = to_json(al);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    WELD_REQUIRE(text, WELD_E_NOMEM, "out of memory");
    weld_buffer_append(out, text, strlen(text));
    st = weld_buffer_check(out, err);
done:
    free(text);
    json_decref(root);
    return st;
}

/* Names of members are for people: another export of the same network names its weights otherwise,
 * but its classes have the same sizes in the same order. That the permutations leave the function as
 * it is is proved on every run, as for those that were found. */
static weld_status read_class(weld_alignment *al, int c, const json_t *item, const char *path,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &al->symmetry->classes[c];
    const json_t *perm = json_object_get(item, "perm");
    bool *seen = NULL;
    WELD_NEW(seen, al->ctx, k->size);
    WELD_REQUIRE(json_array_size(perm) == (size_t)k->size, WELD_E_MISMATCH,
                 "%s: class %d has %zu entries, the model's ('%s') has %d", path, c,
                 json_array_size(perm), k->name, k->size);
    for (int32_t i = 0; i < k->size; i++) {
        const json_t *entry = json_array_get(perm, (size_t)i);
        json_int_t j = json_is_integer(entry) ? json_integer_value(entry) : -1;
        WELD_REQUIRE(j >= 0 && j < k->size && !seen[j], WELD_E_FORMAT,
                     "%s: class %d entry %d: not a permutation of 0 to %d", path, c, i,
                     k->size - 1);
        seen[j] = true;
        al->element->perms[c][i] = (int32_t)j;
    }
done:
    weld_free(al->ctx, seen);
    return st;
}

static weld_status read_classes(weld_alignment *al, const json_t *root, const char *path,
                                weld_error *err)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    const json_t *classes = json_object_get(root, "classes");
    if (!schema || strcmp(schema, "onnxweld.permutation/1") != 0)
        return weld_fail(err, WELD_E_FORMAT, "%s: not an onnxweld.permutation/1 file", path);
    if (json_array_size(classes) != (size_t)al->symmetry->free_count)
        return weld_fail(err, WELD_E_MISMATCH, "%s: %zu classes, the model has %d", path,
                         json_array_size(classes), al->symmetry->free_count);
    weld_status st = WELD_OK;
    int bad;
    for (int c = 0; c < al->symmetry->free_count && st == WELD_OK; c++)
        st = read_class(al, c, json_array_get(classes, (size_t)c), path, err);
    if (st == WELD_OK && !weld_element_is_valid(al->element, &bad))
        return weld_fail(err, WELD_E_FORMAT,
                         "%s: class %d ('%s') does not keep its blocks together", path, bad,
                         al->symmetry->classes[bad].name);
    return st;
}

/* It may be good for others as well, so the report only says it. */
static void note_files(weld_alignment *al, const json_t *root)
{
    const weld_model *models[] = {al->a, al->b};
    static const char *const keys[] = {"a_sha256", "b_sha256"};
    for (int k = 0; k < 2; k++) {
        const char *named = json_string_value(json_object_get(root, keys[k]));
        if (named && strcmp(named, models[k]->structure->file->sha256) != 0)
            snprintf(al->made_for[k], sizeof al->made_for[k], "%s", named);
    }
}

weld_status weld_alignment_read(weld_alignment *al, const char *path, weld_error *err)
{
    json_t *root = NULL;
    weld_status st = weld_json_load(&root, al->ctx, path, err);
    if (st == WELD_OK)
        st = read_classes(al, root, path, err);
    if (st == WELD_OK)
        note_files(al, root);
    al->method = "file";
    json_decref(root);
    return st;
}

weld_status weld_alignment_load(weld_alignment **out, const weld_model *a, const weld_model *b,
                                const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_align_options none = WELD_ALIGN_OPTIONS_INIT;
    weld_alignment *al = NULL;
    *out = NULL;
    none.method = "none";
    WELD_TRY(weld_align(&al, a, b, &none, err));
    WELD_TRY(weld_alignment_read(al, path, err));
    WELD_TRY(weld_alignment_settle(al, err));
    *out = al;
    al = NULL;
done:
    weld_alignment_free(al);
    return st;
}
