/* How what is put into a report comes to belong to it. */
#ifndef WELD_REPORT_COPY_H
#define WELD_REPORT_COPY_H
#include "report/report.h"
#include <string.h>

/* What can't stand in a report becomes "\\xNN". NULL stays NULL, as in the others. */
weld_status weld_report_copy_text(const char **out, weld_report *report, const char *text,
                                  weld_error *err);
weld_status weld_report_copy_block(const void **out, weld_report *report, const void *from,
                                   size_t size, weld_error *err);
weld_status weld_report_copy_data(weld_report_data *out, weld_report *report,
                                  const weld_report_data *data, weld_error *err);

/* The array of `count` elements becomes the report's own, or goto done. */
#define WELD_REPORT_OWN(array, report, count)                                                      \
    do {                                                                                           \
        const void *copy_;                                                                         \
        WELD_TRY(weld_report_copy_block(&copy_, report, (array), (count) * sizeof *(array), err)); \
        (array) = copy_;                                                                           \
    } while (0)

/* Room for one more element of an array in the arena, or goto done. */
#define WELD_REPORT_ROOM(items, count, cap)                                                        \
    do {                                                                                           \
        if ((count) == (cap)) {                                                                    \
            size_t grown_ = 2 * (cap) + 8;                                                         \
            void *old_ = (items);                                                                  \
            WELD_ARENA_NEW(items, &report->arena, grown_);                                         \
            if (old_)                                                                              \
                memcpy((items), old_, (count) * sizeof *(items));                                  \
            (cap) = grown_;                                                                        \
        }                                                                                          \
    } while (0)
#endif
