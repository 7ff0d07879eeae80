/* The bytes of an open file, for comparing; include it behind cmocka.h. Freed with weld_free. */
#ifndef WELD_TESTS_FILE_BYTES_H
#define WELD_TESTS_FILE_BYTES_H
#include "onnx/file.h"

static void *bytes_of(const weld_onnx_file *file)
{
    void *bytes;
    size_t size;
    assert_int_equal(weld_source_read_all(&bytes, &size, file->source, NULL), WELD_OK);
    assert_int_equal(size, file->size);
    return bytes;
}
#endif
