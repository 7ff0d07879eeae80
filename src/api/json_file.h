/* JSON files that users give. */
#ifndef WELD_API_JSON_FILE_H
#define WELD_API_JSON_FILE_H
#include "core/context.h"
#include <jansson.h>

/* One value; WELD_E_FORMAT names file and line. json_decref() it. */
weld_status weld_json_load(json_t **out, weld_context *ctx, const char *path, weld_error *err);
const char *weld_json_library(void);
#endif
