#include "onnx/foreign.h"
#include <ctype.h>
#include <string.h>

#define PYTORCH                                                                                    \
    "a PyTorch file: load it in Python and export it with torch.onnx.export(model, (example,), "   \
    "'model.onnx')"
#define KERAS                                                                                      \
    "a Keras file: export it with keras.models.load_model(FILE).export('model.onnx', "             \
    "format='onnx')"
#define NO_GRAPH                                                                                   \
    "without a graph: load them into their model in Python and export that to ONNX (of "           \
    "Transformers: optimum-cli export onnx --model FOLDER OUT)"

static bool begins(const unsigned char *head, size_t n, size_t at, const char *text)
{
    const size_t length = strlen(text);
    return n >= at + length && memcmp(head + at, text, length) == 0;
}

/* Length of the JSON header, then the header. */
static bool is_safetensors(const unsigned char *head, size_t n, uint64_t size)
{
    uint64_t length = 0;
    if (n < 10 || head[8] != '{')
        return false;
    for (int k = 7; k >= 0; k--)
        length = length << 8 | head[k];
    return length >= 2 && length <= size - 8;
}

/* Skips a varint; false where the bytes end. */
static bool skip_varint(const unsigned char *head, size_t n, size_t *at)
{
    while (*at < n && head[*at] & 0x80)
        ++*at;
    return ++*at < n;
}

/* A field of this tag with so few letters that they fit in one byte of length. */
static bool skip_text(const unsigned char *head, size_t n, size_t *at, unsigned char tag)
{
    if (*at + 2 >= n || head[*at] != tag || head[*at + 1] == 0 || head[*at + 1] > 127)
        return false;
    const size_t end = *at + 2 + head[*at + 1];
    for (*at += 2; *at < end; ++*at)
        if (*at >= n || !isprint(head[*at]))
            return false;
    return true;
}

/* GraphDef: field 1 is a node, which begins with its name and its operator. */
static bool is_graph_def(const unsigned char *head, size_t n)
{
    size_t at = 1;
    return n > 8 && head[0] == 0x0a && skip_varint(head, n, &at) && skip_text(head, n, &at, 0x0a) &&
           skip_text(head, n, &at, 0x12);
}

/* SavedModel: version 1, then a message; in ONNX the field is a name. */
static bool is_saved_model(const unsigned char *head, size_t n)
{
    size_t at = 3;
    return begins(head, n, 0, "\x08\x01\x12") && skip_varint(head, n, &at) && head[at] == 0x0a;
}

const char *weld_foreign_file(const unsigned char *head, size_t n, uint64_t size)
{
    static const struct {
        const char *text;
        size_t at;
        const char *what;
    } known[] = {
        {"version https://git-lfs", 0, "a Git LFS pointer: fetch the real file with git lfs pull"},
        {"\x89HDF", 0, KERAS " (HDF5)"},
        {"TFL3", 4,
         "a TensorFlow Lite file: convert it with python -m tf2onnx.convert --tflite "
         "FILE --output model.onnx"},
        {"\xfd\x37zXZ", 0, "packed with xz; .gz, .tar.gz and .zip can be read"},
        {"BZh", 0, "packed with bzip2; .gz, .tar.gz and .zip can be read"},
        {"\x28\xb5\x2f\xfd", 0, "packed with zstd; .gz, .tar.gz and .zip can be read"},
        {"GGUF", 0, "weights (GGUF) " NO_GRAPH},
        {"\x93NUMPY", 0, "a NumPy array, not a model; data are given with --data"},
        {"<!DOCTYPE", 0, "an HTML page, not a model"},
        {"<html", 0, "an HTML page, not a model"}};
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
        if (begins(head, n, known[k].at, known[k].text))
            return known[k].what;
    if (n >= 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5)
        return PYTORCH " (pickle)";
    if (is_safetensors(head, n, size))
        return "weights (safetensors) " NO_GRAPH;
    if (is_saved_model(head, n))
        return "a TensorFlow SavedModel: convert its folder with python -m tf2onnx.convert "
               "--saved-model FOLDER --output model.onnx";
    if (is_graph_def(head, n))
        return "a TensorFlow graph: convert it with python -m tf2onnx.convert --graphdef FILE "
               "--inputs .. --outputs .. --output model.onnx";
    return NULL;
}

const char *weld_foreign_member(const char *member)
{
    static const struct {
        const char *end, *what;
    } known[] = {{"data.pkl", PYTORCH},
                 {"model.weights.h5", KERAS},
                 {"saved_model.pb",
                  "a TensorFlow SavedModel: unpack it and convert its folder with "
                  "python -m tf2onnx.convert --saved-model FOLDER --output "
                  "model.onnx"},
                 {".mlmodel", "a Core ML package: export the original model to ONNX"},
                 {".npy", "a file of NumPy arrays, not a model; data are given with --data"}};
    const size_t n = strlen(member);
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        const size_t m = strlen(known[k].end);
        if (n >= m && strcmp(member + n - m, known[k].end) == 0)
            return known[k].what;
    }
    return NULL;
}
