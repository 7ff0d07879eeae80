/* What a unit looks like in whatever order its neighbours stand: the sizes of its weights, sorted. A start
 * that needs neither data nor any settled class. */
#ifndef WELD_MATCH_SIGNATURE_H
#define WELD_MATCH_SIGNATURE_H
#include "match/score.h"

/* The element := the units whose signatures are nearest, each class (and what moves along with it) by
 * itself. */
weld_status weld_match_signatures(weld_element *element, const weld_scores *scores,
                                  weld_error *err);
#endif
