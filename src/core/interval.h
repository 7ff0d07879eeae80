/* How sure a figure is. */
#ifndef WELD_CORE_INTERVAL_H
#define WELD_CORE_INTERVAL_H

typedef struct weld_interval {
    double low, high; /* NaN = not known */
} weld_interval;

typedef struct weld_bounds {
    weld_interval ci95;
    double upper95; /* one-sided */
} weld_bounds;
#endif
