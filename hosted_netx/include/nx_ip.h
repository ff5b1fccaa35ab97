/* For sources that include nx_ip.h by name: what applications use of IP instances is declared in nx_api.h. */
#ifndef NX_IP_H
#define NX_IP_H

#include "nx_api.h"

#endif
