/* Errors: one line, recorded where it happened, context prepended on the way out. */
#ifndef WELD_CORE_ERROR_H
#define WELD_CORE_ERROR_H
#include "onnxweld.h"

#define WELD_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define WELD_MUST_CHECK __attribute__((warn_unused_result))

/* Records the failure and returns `status`, so that it can be assigned. Bytes of the message that
 * are control characters or not ASCII-printable UTF-8 are escaped: names come from hostile files. */
weld_status weld_fail_at(weld_error *err, const char *file, int line, weld_status status,
                         const char *fmt, ...) WELD_PRINTF(5, 6);
/* Prepends "<fmt>: " to a message already recorded. */
void weld_error_wrap(weld_error *err, const char *fmt, ...) WELD_PRINTF(2, 3);

#define weld_fail(err, status, ...) weld_fail_at((err), __FILE__, __LINE__, (status), __VA_ARGS__)

/* Both need `weld_status st` and a `done:` label in scope: one exit, one cleanup. */
#define WELD_TRY(expr)                                                                             \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (st != WELD_OK)                                                                         \
            goto done;                                                                             \
    } while (0)
#define WELD_REQUIRE(cond, status, ...)                                                            \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            st = weld_fail(err, (status), __VA_ARGS__);                                            \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)
#endif
