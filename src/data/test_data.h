/* Names of ONNX test data: .../test_data_set_N/PREFIX_K.pb, or PREFIX_K.pb alone. */
#ifndef WELD_DATA_TEST_DATA_H
#define WELD_DATA_TEST_DATA_H
#include <stdbool.h>
#include <stddef.h>

/* N (0 where there is none), K, and how much of the name is the folder of all sets. */
bool weld_test_data_name(int *set, int *place, size_t *folder, const char *name,
                         const char *prefix);
#endif
