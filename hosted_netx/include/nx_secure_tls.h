/* For sources that include nx_secure_tls.h by name. */
#ifndef NX_SECURE_TLS_H
#define NX_SECURE_TLS_H

#include "nx_secure_tls_api.h"

#endif
