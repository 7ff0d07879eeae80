/* What stands around the sections: head, style sheet, glossary. */
#include "report/formats/html_frame.h"

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>onnxweld report</title>\n<style>\n"
    "body{font-family:system-ui,sans-serif;max-width:68rem;margin:1.5rem auto;padding:0 1rem;"
    "line-height:1.45;color:#222;background:#fff}\n"
    "h2{margin-top:2rem;border-bottom:1px solid #ccc}\n"
    "table{border-collapse:collapse;font-size:.9rem}\n"
    "th,td{border:1px solid #ccc;padding:.2rem .5rem;text-align:left;vertical-align:top;"
    "overflow-wrap:break-word}\n"
    "th,td.n{white-space:nowrap}td{min-width:3.5rem;max-width:22rem}table{margin-bottom:.8rem}\n"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    "svg{max-width:100%;height:auto;border-radius:4px}.wide{overflow-x:auto}\n"
    ".verdict p{margin:0}\n"
    ".verdict{padding:.6rem 1rem;border-left:.5rem solid #0072B2;background:#e8f1f8}\n"
    ".warn{border-color:#E69F00;background:#fdf3dd}\n.fail{border-color:#D55E00;"
    "background:#fbe6da}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f4;padding:.6rem}\n"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
    "th,td,h2{border-color:#555}.verdict{background:#12293a}.warn{background:#3a2d0d}"
    ".fail{background:#3d1c0a}pre{background:#262626}a{color:#8cf}}\n"
    "</style>\n</head>\n<body>\n<h1>onnxweld report</h1>\n";

static const char page_glossary[] =
    "<h2>Glossary</h2>\n<dl>\n"
    "<dt>α</dt><dd>The weight of A: θ(α) = α A + (1 − α) B.</dd>\n"
    "<dt>Naive, aligned</dt><dd>Naive averages A with B as it is. Aligned averages A with B', "
    "which is B with its hidden units put into A's order; B' computes what B computes.</dd>\n"
    "<dt>Barrier, chord</dt><dd>The largest excess over the straight line between the two ends, "
    "over all α.</dd>\n"
    "<dt>Barrier, midpoint</dt><dd>The largest value along the path less the mean of the two "
    "ends.</dd>\n"
    "<dt>LMC</dt><dd>Linear mode connectivity: the barrier is about 0. Linearly connected: the "
    "error barrier (chord) is at most δ, by its upper 95 % bound.</dd>\n"
    "<dt>Dist_com, Dist_W, Dist_H</dt><dd>Between W_A H_A + W_B H_B and W_A H_B + W_B H_A, "
    "between the weights, between the inputs of a layer: |x − y|² / (|x| |y|).</dd>\n"
    "<dt>LLFC</dt><dd>Layerwise linear feature connectivity: in each layer the features of the "
    "averaged model point where the average of the features points; 1 − cosine is about 0. "
    "The baseline is 1 − cosine between the features of A and of B.</dd>\n"
    "<dt>c</dt><dd>The factor that makes the features of the averaged model as long as the average "
    "of the "
    "features: ⟨f(α), f_mix⟩ / |f(α)|².</dd>\n"
    "<dt>Gate</dt><dd>A figure against a limit; one of level error makes the verdict FAIL.</dd>\n"
    "<dt>Pinned</dt><dd>Units that may not be permuted, with the reason.</dd>\n</dl>\n";

void weld_html_begin(weld_buffer *out)
{
    weld_buffer_append(out, page_head, sizeof page_head - 1);
}

void weld_html_end(weld_buffer *out)
{
    weld_buffer_append(out, page_glossary, sizeof page_glossary - 1);
}
