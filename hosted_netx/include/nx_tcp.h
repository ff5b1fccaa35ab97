/* For sources that include nx_tcp.h by name: what applications use of TCP is declared in nx_api.h. */
#ifndef NX_TCP_H
#define NX_TCP_H

#include "nx_api.h"

#endif
