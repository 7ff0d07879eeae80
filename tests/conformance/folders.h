/* ONNX test folders (model.onnx, test_data_set_N/{input,output}_K.pb) for programs with the arguments
 *
 *     [--list NAMES.json] PATH...
 *
 * A PATH is such a folder, a folder of folders at any depth, or an archive of them, which tar
 * unpacks into a temporary folder. --list: only folders named in a JSON list of strings, and all of
 * them must be there. */
#ifndef WELD_TESTS_FOLDERS_H
#define WELD_TESTS_FOLDERS_H
#include <stdbool.h>

typedef struct folders {
    void (*visit)(void *payload, const char *folder, const char *name);
    bool (*option)(void *payload, const char *argument); /* true: it was one; NULL = none */
    void *payload;
} folders;

bool folders_exists(const char *path);
/* False, and a line about it, for a path that can't be read or a name of the list that is missing. */
bool folders_visit(const folders *f, int argc, char **argv);
#endif
