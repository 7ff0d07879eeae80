/* Pages in GitHub's Markdown. */
#ifndef WELD_REPORT_FORMATS_MARKDOWN_H
#define WELD_REPORT_FORMATS_MARKDOWN_H
#include "report/formats/page.h"

extern const weld_page_style weld_markdown;
#endif
