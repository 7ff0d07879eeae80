/* What the library was built with; the libraries say themselves which they are. */
#include "api/json_file.h"
#include "io/archive.h"
#include "io/gzip.h"
#include "io/hash.h"
#include "onnx/skeleton.h"
#include "ops/op.h"
#include "tensor/blas.h"

#define TEXT_OF(number) #number
#define TEXT(macro) TEXT_OF(macro)
#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static const char *compiler(void)
{
    return COMPILER;
}

static const char *flags(void)
{
    return WELD_BUILD_FLAGS;
}

static const char *onnx(void)
{
    return "opsets 1 to " TEXT(WELD_OPSET_MAX) " of ai.onnx, any IR version (that of A is written)";
}

static const struct {
    const char *name;
    const char *(*value)(void);
} facts[] = {{"version", weld_version},
             {"onnx", onnx},
             {"compiler", compiler},
             {"flags", flags},
             {"blas", weld_blas_name},
             {"protobuf-c", weld_protobuf_library},
             {"libarchive", weld_archive_library},
             {"zlib", weld_gzip_library},
             {"jansson", weld_json_library},
             {"libcrypto", weld_hash_library}};

weld_build_fact weld_build_fact_at(size_t index)
{
    const weld_build_fact none = {NULL, NULL};
    if (index >= sizeof facts / sizeof facts[0])
        return none;
    return (weld_build_fact){facts[index].name, facts[index].value()};
}
