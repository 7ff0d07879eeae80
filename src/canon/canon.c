#include "canon/canon.h"

weld_status weld_canonicalise(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
#define WELD_PASS(name) WELD_TRY(weld_pass_##name(draft, err));
#include "canon/passes.def"
#undef WELD_PASS
done:
    return st;
}
