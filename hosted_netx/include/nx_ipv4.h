/* For sources that include nx_ipv4.h by name: what applications use of IPv4 is declared in nx_api.h. */
#ifndef NX_IPV4_H
#define NX_IPV4_H

#include "nx_api.h"

#endif
