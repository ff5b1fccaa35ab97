/* For sources that include nx_packet.h by name: what applications use of packet pools is declared in
 * nx_api.h. */
#ifndef NX_PACKET_H
#define NX_PACKET_H

#include "nx_api.h"

#endif
