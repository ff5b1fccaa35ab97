/* For sources that include nx_system.h by name: what applications use of system set-up is declared in
 * nx_api.h. */
#ifndef NX_SYSTEM_H
#define NX_SYSTEM_H

#include "nx_api.h"

#endif
