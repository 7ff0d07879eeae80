/* Windows that slide over spatial axes: what Conv, ConvTranspose and the pools share. */
#ifndef WELD_OPS_WINDOW_H
#define WELD_OPS_WINDOW_H
#include "ops/operand.h"

enum { WELD_AUTO_NOTSET, WELD_AUTO_SAME_UPPER, WELD_AUTO_SAME_LOWER, WELD_AUTO_VALID };
extern const char *const weld_auto_pad_names[];

typedef struct weld_window_attrs {
    int64_t auto_pad;
    weld_ints dilations, kernel_shape, pads, strides;
} weld_window_attrs;

/* Rows of the field table of an operator whose attributes start with weld_window_attrs. */
#define WELD_WINDOW_FIELDS(kernel_required)                                                        \
    {.name = "auto_pad",                                                                           \
     .kind = WELD_FIELD_ENUM,                                                                      \
     .offset = offsetof(weld_window_attrs, auto_pad),                                              \
     .names = weld_auto_pad_names},                                                                \
        {.name = "dilations",                                                                      \
         .kind = WELD_FIELD_INTS,                                                                  \
         .offset = offsetof(weld_window_attrs, dilations)},                                        \
        {.name = "kernel_shape",                                                                   \
         .kind = WELD_FIELD_INTS,                                                                  \
         .offset = offsetof(weld_window_attrs, kernel_shape),                                      \
         .required = (kernel_required)},                                                           \
        {.name = "pads", .kind = WELD_FIELD_INTS, .offset = offsetof(weld_window_attrs, pads)},    \
    {                                                                                              \
        .name = "strides", .kind = WELD_FIELD_INTS, .offset = offsetof(weld_window_attrs, strides) \
    }

/* One spatial axis. Entry k of the window at output o is entry o stride + k dilation - pad of the
 * input; `pad` entries stand before the input, `pad_end` after it. */
typedef struct weld_window {
    int64_t in, out, kernel, stride, dilation, pad, pad_end;
} weld_window;

/* Tensors are read as [N, C, D, H, W]: the axes that the file's shape lacks have size 1. */
enum { WELD_SPATIAL_MAX = 3, WELD_WINDOW_D = 0, WELD_WINDOW_H = 1, WELD_WINDOW_W = 2 };
typedef struct weld_windows {
    weld_window axis[WELD_SPATIAL_MAX];
    int spatial; /* how many axes the file's shape has: the last ones */
} weld_windows;

/* The axes of `x` [N, C, spatial...], their strides and dilations; `kernel`: sizes of the windows
 * [spatial], NULL for those of the attribute. `out` and the pads are left to the caller. */
weld_status weld_windows_init(weld_windows *w, const weld_window_attrs *attrs, const weld_shape *x,
                              const int64_t *kernel, weld_error *err);
/* Axis s of the windows, counted as in the file. */
static inline weld_window *weld_windows_axis(weld_windows *w, int s)
{
    return &w->axis[WELD_SPATIAL_MAX - w->spatial + s];
}
/* Pads and output sizes of Conv and pooling; ceil_mode rounds sizes up. */
weld_status weld_windows_slide(weld_windows *w, const weld_window_attrs *attrs, bool ceil_mode,
                               weld_error *err);
/* The same for ConvTranspose, from its attributes output_padding and output_shape: entry o stride + k dilation
 * - pad of the OUTPUT is fed by input o. */
weld_status weld_windows_spread(weld_windows *w, const weld_window_attrs *attrs,
                                const weld_ints *padding, const weld_ints *shape, weld_error *err);
/* Entries that a window reaches over. */
static inline int64_t weld_window_reach(const weld_window *w)
{
    return (w->kernel - 1) * w->dilation + 1;
}
/* Splits padding over the two ends; a negative total (strides beyond the kernel) is none, where
 * onnxruntime's pools cut the input. */
void weld_window_pad(weld_window *w, int64_t total, bool more_at_end);
/* Elements of one channel of the input and of the output. Only for shapes that passed the limits
 * and hold elements: an empty tensor may have any sizes. */
int64_t weld_windows_in(const weld_windows *w);
int64_t weld_windows_out(const weld_windows *w);
/* [N, C, out...] for the shape of an input or output of the same rank. */
weld_shape weld_windows_shape(const weld_windows *w, int64_t images, int64_t channels);

/* Entries [from, to) of a line. */
typedef struct weld_span {
    int64_t from, to;
} weld_span;
/* Those i of 0..count - 1 for which i stride + offset lies in 0..size - 1. */
weld_span weld_span_inside(int64_t stride, int64_t offset, int64_t size, int64_t count);

/* ---- what Conv and ConvTranspose share ---- */

/* Columns of a matrix of `rows` rows that are worked on at a time, at most `columns`: the matrix of
 * windows is never held as a whole. */
int64_t weld_windows_tile(int64_t rows, int64_t columns);
/* Inputs 0 (data), 1 (weight: [out, in / group, kernel...] or, where `transposed`, [in,
 * out / group, kernel...]) and 2 (bias, optional) fit each other and the groups. */
weld_status weld_windows_check_channels(const weld_infer *inf, int64_t group, bool transposed,
                                        weld_error *err);

/* ---- ties ---- */

/* Samples agree; spatial axes are positions, and entries along them are combined. */
void weld_windows_tie(weld_ties *ties, int x, int y);
/* Channels of a convolution; the weight is as in weld_windows_check_channels. */
void weld_windows_tie_channels(weld_ties *ties, int index, const weld_node *node, int64_t group,
                               bool transposed);
#endif
