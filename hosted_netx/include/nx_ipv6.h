/* For sources that include nx_ipv6.h by name: what applications use of IPv6 is declared in nx_api.h. */
#ifndef NX_IPV6_H
#define NX_IPV6_H

#include "nx_api.h"

#endif
