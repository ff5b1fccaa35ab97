// For test programs that never enter the kernel.
#include "tx_api.h"

extern "C" VOID tx_application_define(VOID* /*first_unused_memory*/) {}
