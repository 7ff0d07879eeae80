/* Classes that the user names instead of those that were derived, onnxweld.spec/1 (the schema is in
 * tests/schema/spec.schema.json). Whether they are right, the proof of every run tells. */
#include "api/json_file.h"
#include "api/objects.h"
#include "symmetry/freeze.h"
#include <stdio.h>
#include <string.h>

typedef struct spec_reader {
    const char *path;
    const weld_symmetry *derived;
    weld_symmetry *out;
} spec_reader;

/* How the units of a class stand on the axis of one member. */
typedef struct spec_member {
    char param[256];
    int axis;
    int64_t
        blocks; /* entry b size + u is unit u, for each block b; 1 = unit u has consecutive entries */
} spec_member;

static int param_named(const weld_graph *g, const char *name)
{
    for (int p = 0; p < g->param_count; p++)
        if (strcmp(g->params[p].name, name) == 0)
            return p;
    return -1;
}

/* "NAME[axis]", or {"axis": "NAME[axis]", "blocks": n} */
static weld_status parse_member(spec_member *m, const spec_reader *r, const json_t *item, int c,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const char *text =
        json_string_value(json_is_object(item) ? json_object_get(item, "axis") : item);
    const json_t *blocks = json_is_object(item) ? json_object_get(item, "blocks") : NULL;
    const char *bracket = text ? strrchr(text, '[') : NULL;
    int end = 0;
    *m = (spec_member){.blocks = blocks ? json_integer_value(blocks) : 1};
    WELD_REQUIRE(bracket && sscanf(bracket, "[%d]%n", &m->axis, &end) == 1 && end &&
                     !bracket[end] && (size_t)(bracket - text) < sizeof m->param && m->blocks >= 1,
                 WELD_E_FORMAT,
                 "%s: class %d: a member must be \"NAME[axis]\" or {\"axis\": \"NAME[axis]\", "
                 "\"blocks\": n}",
                 r->path, c);
    memcpy(m->param, text, (size_t)(bracket - text));
done:
    return st;
}

static weld_status add_member(weld_class *k, const spec_reader *r, const spec_member *m, int c,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = r->out->graph;
    const int p = param_named(g, m->param);
    WELD_REQUIRE(p >= 0, WELD_E_FORMAT, "%s: class %d: no parameter '%s'", r->path, c, m->param);
    const weld_shape *shape = &g->params[p].shape;
    WELD_REQUIRE(m->axis >= 0 && m->axis < shape->rank, WELD_E_FORMAT,
                 "%s: class %d: '%s' has no axis %d", r->path, c, m->param, m->axis);
    const int64_t extent = shape->dims[m->axis];
    if (k->size == 0)
        k->size = k->block = (int32_t)(extent / m->blocks);
    WELD_REQUIRE(k->size >= 2 && extent % (k->size * m->blocks) == 0, WELD_E_FORMAT,
                 "%s: class %d: axis %d of '%s' has %lld entries, which %d units don't divide",
                 r->path, c, m->axis, m->param, (long long)extent, k->size);
    weld_member *member = &k->members[k->member_count++];
    const int64_t each = extent / k->size, run = each / m->blocks;
    *member = (weld_member){p, m->axis, (int32_t)each, NULL};
    WELD_NEW(member->positions, r->out->ctx, extent);
    for (int64_t u = 0; u < k->size; u++)
        for (int64_t i = 0; i < each; i++)
            member->positions[u * each + i] = (int32_t)((i / run * k->size + u) * run + i % run);
done:
    return st;
}

/* The values that carry a derived class of the same units. */
static weld_status take_carriers(weld_class *k, const spec_reader *r, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_member *first = &k->members[0];
    for (int c = 0; c < r->derived->free_count; c++) {
        const weld_class *d = &r->derived->classes[c];
        bool same = false;
        for (int m = 0; m < d->member_count && d->size == k->size; m++)
            same = same ||
                   (d->members[m].param == first->param && d->members[m].axis == first->axis &&
                    d->members[m].multiplicity == first->multiplicity &&
                    memcmp(d->members[m].positions, first->positions,
                           (size_t)(k->size * first->multiplicity) * sizeof(int32_t)) == 0);
        for (int i = 0; same && k->carrier_count == 0 && i < d->carrier_count; i++) {
            if (i == 0)
                WELD_NEW(k->carriers, r->out->ctx, d->carrier_count);
            weld_carrier *to = &k->carriers[i];
            const size_t count = (size_t)(d->size * d->carriers[i].multiplicity);
            *to = d->carriers[i];
            to->positions = NULL;
            WELD_NEW(to->positions, r->out->ctx, count);
            memcpy(to->positions, d->carriers[i].positions, count * sizeof(int32_t));
            if (i == d->carrier_count - 1)
                k->carrier_count = d->carrier_count;
        }
    }
done:
    return st;
}

static weld_status read_class(const spec_reader *r, const json_t *item, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_class *k = &r->out->classes[c];
    const char *name = json_string_value(json_object_get(item, "name"));
    const json_t *members = json_object_get(item, "members");
    char number[32];
    snprintf(number, sizeof number, "class %d", c);
    *k = (weld_class){.pin_node = -1, .parent = -1};
    r->out->class_count = r->out->free_count = c + 1;
    WELD_REQUIRE((k->name = weld_strdup(r->out->ctx, name ? name : number)), WELD_E_NOMEM,
                 "out of memory");
    WELD_REQUIRE(json_array_size(members), WELD_E_FORMAT, "%s: class %d has no members", r->path,
                 c);
    WELD_NEW(k->members, r->out->ctx, json_array_size(members));
    for (size_t i = 0; i < json_array_size(members); i++) {
        spec_member m;
        WELD_TRY(parse_member(&m, r, json_array_get(members, i), c, err));
        WELD_TRY(add_member(k, r, &m, c, err));
    }
    WELD_TRY(take_carriers(k, r, err));
done:
    return st;
}

/* An entry of an axis belongs to one class at most. */
static weld_status check_overlaps(const spec_reader *r, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = r->out;
    int32_t *taken = NULL;
    for (int p = 0; p < s->graph->param_count; p++)
        for (int axis = 0; axis < s->graph->params[p].shape.rank; axis++) {
            weld_free(s->ctx, taken);
            taken = NULL;
            WELD_NEW(taken, s->ctx, s->graph->params[p].shape.dims[axis]);
            for (int c = 0; c < s->free_count; c++)
                for (int m = 0; m < s->classes[c].member_count; m++) {
                    const weld_member *k = &s->classes[c].members[m];
                    for (int32_t i = 0; k->param == p && k->axis == axis &&
                                        i < s->classes[c].size * k->multiplicity;
                         i++)
                        WELD_REQUIRE(taken[k->positions[i]]++ == 0, WELD_E_FORMAT,
                                     "%s: class %d: '%s[%d]' is a member already", r->path, c,
                                     s->graph->params[p].name, axis);
                }
        }
done:
    weld_free(s->ctx, taken);
    return st;
}

static weld_status read_spec(weld_symmetry **out, const weld_symmetry *derived, const char *path,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    json_t *root = NULL;
    spec_reader r = {.path = path, .derived = derived};
    WELD_TRY(weld_json_load(&root, derived->ctx, path, err));
    const char *schema = json_string_value(json_object_get(root, "schema"));
    const json_t *classes = json_object_get(root, "classes");
    WELD_REQUIRE(schema && strcmp(schema, "onnxweld.spec/1") == 0 && json_is_array(classes),
                 WELD_E_FORMAT, "%s: not an onnxweld.spec/1 file", path);
    WELD_NEW(r.out, derived->ctx, 1);
    r.out->ctx = derived->ctx;
    r.out->graph = derived->graph;
    WELD_NEW(r.out->classes, derived->ctx, json_array_size(classes));
    for (size_t c = 0; c < json_array_size(classes); c++)
        WELD_TRY(read_class(&r, json_array_get(classes, c), (int)c, err));
    WELD_TRY(check_overlaps(&r, err));
    *out = r.out;
    r.out = NULL;
done:
    weld_symmetry_free(r.out);
    json_decref(root);
    return st;
}

weld_status weld_find_symmetry(weld_symmetry **out, const weld_structure *structure,
                               const weld_shapes *shapes, const weld_symmetry_wish *wish,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    weld_symmetry *found = NULL, *given = NULL;
    int hits;
    *out = NULL;
    WELD_TRY(weld_symmetry_derive(&found, structure->ctx, structure->graph, shapes, err));
    if (wish->spec) {
        WELD_TRY(read_spec(&given, found, wish->spec, err));
        weld_symmetry_free(found);
        found = given;
    }
    for (size_t k = 0; k < wish->freeze_count; k++) {
        WELD_TRY(weld_symmetry_freeze(found, wish->freeze[k], &hits, err));
        WELD_REQUIRE(hits, WELD_E_ARGUMENT, "nothing to freeze: no class of units matches '%s'",
                     wish->freeze[k]);
    }
    *out = found;
    found = NULL;
done:
    weld_symmetry_free(found);
    return st;
}
