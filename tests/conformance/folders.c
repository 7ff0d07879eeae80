#include "conformance/folders.h"
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct walker {
    const folders *f;
    json_t *names; /* {name: seen}, NULL = all */
} walker;

bool folders_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static void meet(const walker *w, const char *folder)
{
    const char *slash = strrchr(folder, '/');
    const char *name = slash ? slash + 1 : folder;
    if (w->names && !json_object_get(w->names, name))
        return;
    if (w->names)
        json_object_set_new(w->names, name, json_true());
    w->f->visit(w->f->payload, folder, name);
}

static void walk(const walker *w, const char *folder)
{
    char path[4096];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    if (folders_exists(path)) {
        meet(w, folder);
        return;
    }
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int k = 0; k < n; k++) {
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, entries[k]->d_name);
        if (entries[k]->d_name[0] != '.' && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            walk(w, path);
        free(entries[k]);
    }
    if (n >= 0)
        free(entries);
}

static bool unpack_and_walk(const walker *w, const char *archive)
{
    char folder[] = "/tmp/onnxweld-folders-XXXXXX", command[8192];
    if (!mkdtemp(folder))
        return false;
    snprintf(command, sizeof command, "tar -xf '%s' -C %s", archive, folder);
    bool ok = system(command) == 0;
    if (ok)
        walk(w, folder);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 && ok;
}

static bool read_names(walker *w, const char *path)
{
    json_error_t where;
    json_t *list = json_load_file(path, 0, &where), *name;
    size_t k;
    w->names = list ? json_object() : NULL;
    /* ONNX's training tests are not inference. */
    json_array_foreach (list, k, name)
        if (!strstr(json_string_value(name), "training_dropout"))
            json_object_set_new(w->names, json_string_value(name), json_false());
    json_decref(list);
    return w->names != NULL;
}

static bool all_were_seen(const walker *w)
{
    const char *name;
    json_t *seen;
    bool all = true;
    json_object_foreach (w->names, name, seen) {
        if (json_is_true(seen))
            continue;
        printf("FAIL %s: not found\n", name);
        all = false;
    }
    return all;
}

bool folders_visit(const folders *f, int argc, char **argv)
{
    walker w = {f, NULL};
    bool ok = true;
    for (int k = 1; k < argc && ok; k++) {
        struct stat info;
        if (strcmp(argv[k], "--list") == 0 && k + 1 < argc)
            ok = read_names(&w, argv[++k]);
        else if (f->option && f->option(f->payload, argv[k]))
            continue;
        else if (stat(argv[k], &info) != 0)
            ok = false;
        else if (S_ISDIR(info.st_mode))
            walk(&w, argv[k]);
        else
            ok = unpack_and_walk(&w, argv[k]);
        if (!ok)
            printf("FAIL: can't read %s\n", argv[k]);
    }
    ok = all_were_seen(&w) && ok;
    json_decref(w.names);
    return ok;
}
