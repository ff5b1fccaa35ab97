// Packets, for the parts of the stack that use them.
//
// A packet belongs to whoever holds it; only the pools' lists and counters are under the kernel's lock.
#pragma once

#include "kernel.hpp"

#include <span>

namespace postrider::hosted {

enum class origin {
    caller, // a calling thread asked: counts for nx_hosted_pool_fail
    stack   // for received data
};

UINT take_packet(guard& held, NX_PACKET_POOL& pool, NX_PACKET*& packet, ULONG offset, ULONG wait_option,
                 origin from);

/// Gives a whole chain back. NX_PTR_ERROR at the first packet that is free, or owned by a socket, or in no
/// pool.
UINT give_packet_back(guard& held, NX_PACKET* packet);

/// Appends, with further packets of pool chained on as needed; all or nothing.
UINT append(NX_PACKET& packet, std::span<const UCHAR> data, NX_PACKET_POOL& pool, ULONG wait_option,
            origin from);

/// Makes the chain empty again, its first packet's data beginning at offset.
void clear_data(NX_PACKET& packet, ULONG offset);

/// A packet in a socket's transmit queue is the socket's: releasing it is an error until it is handed back.
void mark_owned(NX_PACKET& packet);
bool is_allocated(const NX_PACKET& packet);
void mark_allocated(NX_PACKET& packet);

NX_PACKET* next_of(const NX_PACKET& packet);

bool is_pool(const NX_PACKET_POOL* pool);

/// Octets to put into one packet, and the link size that the cut settings ask for, with `available` at hand.
struct cut {
    ULONG octets;
    ULONG link; // 0: as much as a link takes
};
cut next_cut(const settings& set, ULONG available, std::uint64_t stream_offset);

/// Octets that the packets now free in pool take as one chain; at least what one packet takes. More would
/// never be received: a chain is filled whole or not at all.
ULONG capacity(const NX_PACKET_POOL& pool, ULONG link, ULONG offset);

/// A packet from pool holding data (not empty), in links of at most link octets. Waits as take_packet.
UINT fill_packet(guard& held, NX_PACKET_POOL& pool, NX_PACKET*& packet, std::span<const UCHAR> data,
                 ULONG link, ULONG offset, ULONG wait_option, origin from);

} // namespace postrider::hosted
