#include "base/fault.h"

static const struct fault_info infos[] = {
#define FAULT(name, status, type, reason, class_, retry, message)                                  \
    [FAULT_##name] = {#name,  status, #type, reason, FAULT_CLASS_##class_, FAULT_RETRY_##retry,    \
                      message},
#include "base/fault.def"
#undef FAULT
};

_Static_assert(COUNT(infos) == FAULT_COUNT, "every fault has its row");

const struct fault_info *fault_info(enum fault fault)
{
    CHECK(fault > FAULT_NONE && fault < FAULT_COUNT);
    return &infos[fault];
}

const char *fault_name(enum fault fault)
{
    return fault == FAULT_NONE ? "NONE" : fault_info(fault)->name;
}
