// Packet pools with the limits of the real ones: a fixed number of packets, a fixed payload, chains where the
// build has them. Counters and faults live in the pool itself. In address-sanitised builds the payload of a
// free packet is poisoned, so that use after release stops the program.
#include "packets.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace postrider::hosted {

namespace {

NX_PACKET* mark(ALIGN_TYPE value) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): NetX keeps its marks in a pointer field
    return reinterpret_cast<NX_PACKET*>(static_cast<std::uintptr_t>(value));
}

void set_mark(NX_PACKET& packet, ALIGN_TYPE value) {
    packet.nx_packet_union_next.nx_packet_tcp_queue_next = mark(value);
}

std::uint64_t nanoseconds_now() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now().time_since_epoch()).count());
}

std::size_t payload(const NX_PACKET& packet) {
    return static_cast<std::size_t>(packet.nx_packet_data_end - packet.nx_packet_data_start);
}

ULONG room(const NX_PACKET& packet) {
    return static_cast<ULONG>(packet.nx_packet_data_end - packet.nx_packet_append_ptr);
}

ULONG used(const NX_PACKET& packet) {
    return static_cast<ULONG>(packet.nx_packet_append_ptr - packet.nx_packet_prepend_ptr);
}

bool drawable(const NX_PACKET_POOL& pool) {
    if (pool.nx_packet_pool_available == 0)
        return false;
    return pool.nx_packet_pool_hosted_dry_until == 0 ||
           nanoseconds_now() >= pool.nx_packet_pool_hosted_dry_until;
}

NX_PACKET* draw(NX_PACKET_POOL& pool, ULONG offset) {
    auto* packet = pool.nx_packet_pool_available_list;
    pool.nx_packet_pool_available_list = packet->nx_packet_queue_next;
    --pool.nx_packet_pool_available;
    ++pool.nx_packet_pool_hosted_allocations;
    const ULONG taken = pool.nx_packet_pool_total - pool.nx_packet_pool_available;
    pool.nx_packet_pool_hosted_peak = std::max(pool.nx_packet_pool_hosted_peak, taken);
    ASAN_UNPOISON_MEMORY_REGION(packet->nx_packet_data_start, payload(*packet));
    auto* const start = packet->nx_packet_data_start;
    auto* const end = packet->nx_packet_data_end;
    *packet = {};
    packet->nx_packet_pool_owner = &pool;
    packet->nx_packet_data_start = start;
    packet->nx_packet_data_end = end;
    packet->nx_packet_prepend_ptr = start + offset;
    packet->nx_packet_append_ptr = packet->nx_packet_prepend_ptr;
    packet->nx_packet_ip_version = NX_IP_VERSION_V4;
    set_mark(*packet, NX_PACKET_ALLOCATED);
    return packet;
}

bool ordered_to_fail(NX_PACKET_POOL& pool) {
    ++pool.nx_packet_pool_hosted_requests;
    return pool.nx_packet_pool_hosted_fail_first != 0 &&
           pool.nx_packet_pool_hosted_requests >= pool.nx_packet_pool_hosted_fail_first &&
           pool.nx_packet_pool_hosted_requests <= pool.nx_packet_pool_hosted_fail_last;
}

NX_PACKET_POOL* pool_of(const NX_PACKET* packet) {
    const auto* at = reinterpret_cast<const char*>(packet);
    for (auto* pool = kernel().packet_pools; pool != nullptr; pool = pool->nx_packet_pool_created_next) {
        if (at < pool->nx_packet_pool_start)
            continue;
        const auto offset = static_cast<std::uint64_t>(at - pool->nx_packet_pool_start);
        if (offset < std::uint64_t{pool->nx_packet_pool_hosted_stride} * pool->nx_packet_pool_total)
            return offset % pool->nx_packet_pool_hosted_stride == 0 ? pool : nullptr;
    }
    return nullptr;
}

// Where the packets of a pool lie in its memory.
struct layout {
    char* start;
    ULONG size;
    ULONG stride;
};

ULONG round_up(std::uint64_t value, std::uint64_t grain) {
    return static_cast<ULONG>((value + grain - 1) / grain * grain);
}

layout lay_out(void* memory, ULONG memory_size, ULONG payload_size) {
    // Our packet header holds pointers; what the application aligned less is lost at the pool's start.
    constexpr std::uint64_t grain = std::max<std::uint64_t>(alignof(NX_PACKET), NX_PACKET_ALIGNMENT);
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    const auto lost = static_cast<ULONG>((grain - address % grain) % grain);
    const ULONG stride = round_up(sizeof(NX_PACKET) + std::uint64_t{payload_size}, grain);
    return {static_cast<char*>(memory) + lost, memory_size > lost ? memory_size - lost : 0, stride};
}

void build(NX_PACKET_POOL& pool, const layout& where) {
    NX_PACKET** end = &pool.nx_packet_pool_available_list;
    for (ULONG i = 0; i < pool.nx_packet_pool_total; ++i) {
        char* at = where.start + std::size_t{i} * where.stride;
        auto* packet = new (at) NX_PACKET{};
        packet->nx_packet_pool_owner = &pool;
        packet->nx_packet_data_start = reinterpret_cast<UCHAR*>(at + sizeof(NX_PACKET));
        packet->nx_packet_data_end = packet->nx_packet_data_start + pool.nx_packet_pool_payload_size;
        set_mark(*packet, NX_PACKET_FREE);
        ASAN_POISON_MEMORY_REGION(packet->nx_packet_data_start, payload(*packet));
        *end = packet;
        end = &packet->nx_packet_queue_next;
    }
}

void unpoison(const NX_PACKET_POOL& pool) {
    ASAN_UNPOISON_MEMORY_REGION(pool.nx_packet_pool_start, pool.nx_packet_pool_size);
}

#ifndef NX_DISABLE_PACKET_CHAIN
NX_PACKET* tail_of(NX_PACKET& packet) {
    auto* tail = packet.nx_packet_last != nullptr ? packet.nx_packet_last : &packet;
    while (tail->nx_packet_next != nullptr)
        tail = tail->nx_packet_next;
    return tail;
}

void chain(NX_PACKET& packet, NX_PACKET* more) {
    tail_of(packet)->nx_packet_next = more;
}
void set_last(NX_PACKET& packet, NX_PACKET* last) {
    packet.nx_packet_last = last;
}
NX_PACKET* write_link(NX_PACKET& packet) {
    return packet.nx_packet_last != nullptr ? packet.nx_packet_last : &packet;
}
constexpr bool chains = true;
#else
void chain(NX_PACKET& /*packet*/, NX_PACKET* /*more*/) {}
void set_last(NX_PACKET& /*packet*/, NX_PACKET* /*last*/) {}
NX_PACKET* write_link(NX_PACKET& packet) {
    return &packet;
}
constexpr bool chains = false;
#endif

// A chain of fresh packets with at least that much room.
UINT take_room(NX_PACKET_POOL& pool, std::size_t needed, NX_PACKET*& first, ULONG wait_option, origin from) {
    guard held(kernel().mutex);
    first = nullptr;
    std::size_t got = 0;
    while (got < needed) {
        NX_PACKET* fresh = nullptr;
        const UINT status = take_packet(held, pool, fresh, 0, wait_option, from);
        if (status != NX_SUCCESS) {
            if (first != nullptr)
                give_packet_back(held, first);
            first = nullptr;
            return status;
        }
        got += room(*fresh);
        if (first == nullptr)
            first = fresh;
        else
            chain(*first, fresh);
    }
    return NX_SUCCESS;
}

} // namespace

bool is_pool(const NX_PACKET_POOL* pool) {
    return pool != nullptr && pool->nx_packet_pool_id == NX_PACKET_POOL_ID;
}

bool is_allocated(const NX_PACKET& packet) {
    return packet.nx_packet_union_next.nx_packet_tcp_queue_next == mark(NX_PACKET_ALLOCATED);
}

void mark_owned(NX_PACKET& packet) {
    set_mark(packet, NX_PACKET_ENQUEUED);
}
void mark_allocated(NX_PACKET& packet) {
    set_mark(packet, NX_PACKET_ALLOCATED);
}

#ifndef NX_DISABLE_PACKET_CHAIN
NX_PACKET* next_of(const NX_PACKET& packet) {
    return packet.nx_packet_next;
}
#else
NX_PACKET* next_of(const NX_PACKET& /*packet*/) {
    return nullptr;
}
#endif

UINT take_packet(guard& held, NX_PACKET_POOL& pool, NX_PACKET*& packet, ULONG offset, ULONG wait_option,
                 origin from) {
    packet = nullptr;
    if (pool.nx_packet_pool_payload_size < offset)
        return NX_INVALID_PARAMETERS;
    if (from == origin::caller && ordered_to_fail(pool)) {
        ++pool.nx_packet_pool_hosted_failures;
        return NX_NO_PACKET;
    }
    if (!drawable(pool)) {
        ++pool.nx_packet_pool_empty_requests;
        if (wait_option != NX_NO_WAIT)
            ++pool.nx_packet_pool_empty_suspensions;
    }
    bool deleted = false;
    const auto result = wait_in_line(held, pool.nx_packet_pool_waiting, wait_option, TX_TCP_IP, [&] {
        deleted = pool.nx_packet_pool_id != NX_PACKET_POOL_ID;
        if (!deleted && drawable(pool))
            packet = draw(pool, offset);
        return deleted || packet != nullptr;
    });
    if (deleted)
        return NX_POOL_DELETED;
    if (packet == nullptr)
        ++pool.nx_packet_pool_hosted_failures;
    if (result == wake::aborted)
        return NX_WAIT_ABORTED;
    return packet != nullptr ? NX_SUCCESS : NX_NO_PACKET;
}

UINT give_packet_back(guard& /*held*/, NX_PACKET* packet) {
    while (packet != nullptr) {
        auto* pool = pool_of(packet);
        if (pool == nullptr) {
            ++kernel().set.foreign_releases;
            return NX_PTR_ERROR;
        }
        if (!is_allocated(*packet)) {
            ++pool->nx_packet_pool_hosted_double_releases;
            ++pool->nx_packet_pool_invalid_releases;
            return NX_PTR_ERROR;
        }
        auto* next = next_of(*packet);
        set_mark(*packet, NX_PACKET_FREE);
        ASAN_POISON_MEMORY_REGION(packet->nx_packet_data_start, payload(*packet));
        packet->nx_packet_queue_next = pool->nx_packet_pool_available_list;
        pool->nx_packet_pool_available_list = packet;
        ++pool->nx_packet_pool_available;
        ++pool->nx_packet_pool_hosted_releases;
        packet = next;
    }
    kernel().changed.notify_all();
    return NX_SUCCESS;
}

UINT append(NX_PACKET& packet, std::span<const UCHAR> data, NX_PACKET_POOL& pool, ULONG wait_option,
            origin from) {
    std::size_t have = 0;
    for (const auto* link = write_link(packet); link != nullptr; link = next_of(*link))
        have += room(*link);
    if (have < data.size()) {
        if (!chains)
            return NX_SIZE_ERROR;
        NX_PACKET* more = nullptr;
        const UINT status = take_room(pool, data.size() - have, more, wait_option, from);
        if (status != NX_SUCCESS)
            return status;
        chain(packet, more);
    }
    packet.nx_packet_length += static_cast<ULONG>(data.size());
    for (auto* link = write_link(packet); !data.empty(); link = next_of(*link)) {
        const auto part = data.first(std::min<std::size_t>(data.size(), room(*link)));
        if (!part.empty())
            std::memcpy(link->nx_packet_append_ptr, part.data(), part.size());
        link->nx_packet_append_ptr += part.size();
        data = data.subspan(part.size());
        if (link != &packet)
            set_last(packet, link);
    }
    return NX_SUCCESS;
}

void clear_data(NX_PACKET& packet, ULONG offset) {
    for (auto* link = &packet; link != nullptr; link = next_of(*link)) {
        link->nx_packet_prepend_ptr = link->nx_packet_data_start + (link == &packet ? offset : 0);
        link->nx_packet_append_ptr = link->nx_packet_prepend_ptr;
    }
    set_last(packet, nullptr);
    packet.nx_packet_length = 0;
}

cut next_cut(const settings& set, ULONG available, std::uint64_t stream_offset) {
    cut result{available, chains ? set.cut_link : 0};
    if (set.cut_packet != 0)
        result.octets = std::min(result.octets, set.cut_packet);
    if (set.cut_at > stream_offset)
        result.octets =
            static_cast<ULONG>(std::min<std::uint64_t>(result.octets, set.cut_at - stream_offset));
    return result;
}

ULONG capacity(const NX_PACKET_POOL& pool, ULONG link, ULONG offset) {
    const ULONG whole = pool.nx_packet_pool_payload_size;
    const auto limited = [&](ULONG octets) { return link != 0 ? std::min(link, octets) : octets; };
    const ULONG more = chains && pool.nx_packet_pool_available > 1 ? pool.nx_packet_pool_available - 1 : 0;
    const std::uint64_t all = limited(whole - std::min(offset, whole)) + std::uint64_t{more} * limited(whole);
    return static_cast<ULONG>(std::min<std::uint64_t>(all, UINT32_MAX));
}

UINT fill_packet(guard& held, NX_PACKET_POOL& pool, NX_PACKET*& packet, std::span<const UCHAR> data,
                 ULONG link, ULONG offset, ULONG wait_option, origin from) {
    UINT status = take_packet(held, pool, packet, offset, wait_option, from);
    if (status != NX_SUCCESS)
        return status;
    auto* last = packet;
    packet->nx_packet_length = static_cast<ULONG>(data.size());
    while (true) {
        const std::size_t limit = link != 0 ? std::min(link, room(*last)) : room(*last);
        const auto part = data.first(std::min(data.size(), limit));
        if (!part.empty())
            std::memcpy(last->nx_packet_append_ptr, part.data(), part.size());
        last->nx_packet_append_ptr += part.size();
        data = data.subspan(part.size());
        if (data.empty())
            return NX_SUCCESS;
        NX_PACKET* more = nullptr;
        status = chains ? take_packet(held, pool, more, 0, wait_option, from) : NX_SIZE_ERROR;
        if (status != NX_SUCCESS) {
            give_packet_back(held, std::exchange(packet, nullptr));
            return status;
        }
        chain(*packet, more);
        set_last(*packet, more);
        last = more;
    }
}

void drop_packet_pools() {
    const guard held(kernel().mutex);
    for (auto* pool = kernel().packet_pools; pool != nullptr; pool = pool->nx_packet_pool_created_next)
        unpoison(*pool);
    kernel().packet_pools = nullptr;
}

namespace {

UINT pool_create(NX_PACKET_POOL* pool, CHAR* name, ULONG payload_size, void* memory, ULONG memory_size) {
    const auto where = lay_out(memory, memory_size, payload_size);
    const guard held(kernel().mutex);
    ASAN_UNPOISON_MEMORY_REGION(memory, memory_size);
    *pool = {};
    pool->nx_packet_pool_name = name;
    pool->nx_packet_pool_start = where.start;
    pool->nx_packet_pool_size = where.size;
    pool->nx_packet_pool_payload_size = payload_size;
    pool->nx_packet_pool_hosted_stride = where.stride;
    pool->nx_packet_pool_total = where.size / where.stride;
    pool->nx_packet_pool_available = pool->nx_packet_pool_total;
    build(*pool, where);
    pool->nx_packet_pool_id = NX_PACKET_POOL_ID;
    link(kernel().packet_pools, pool, &NX_PACKET_POOL::nx_packet_pool_created_next);
    return NX_SUCCESS;
}

UINT pool_delete(NX_PACKET_POOL* pool) {
    guard held(kernel().mutex);
    pool->nx_packet_pool_id = 0;
    unlink(kernel().packet_pools, pool, &NX_PACKET_POOL::nx_packet_pool_created_next);
    unpoison(*pool);
    kernel().changed.notify_all();
    kernel().changed.wait(held, [&] { return pool->nx_packet_pool_waiting.tx_hosted_count == 0; });
    return NX_SUCCESS;
}

bool overlaps(const NX_PACKET_POOL& pool, const char* memory, ULONG size) {
    return memory < pool.nx_packet_pool_start + pool.nx_packet_pool_size &&
           pool.nx_packet_pool_start < memory + size;
}

bool collides(const NX_PACKET_POOL* pool, const void* memory, ULONG size) {
    const guard held(kernel().mutex);
    for (const auto* other = kernel().packet_pools; other != nullptr;
         other = other->nx_packet_pool_created_next) {
        if (other == pool || overlaps(*other, static_cast<const char*>(memory), size))
            return true;
    }
    return false;
}

UINT copy_out(const NX_PACKET* packet, ULONG offset, UCHAR* to, ULONG limit, ULONG& copied) {
    copied = 0;
    if (offset != 0 && offset >= packet->nx_packet_length)
        return NX_PACKET_OFFSET_ERROR;
    for (; packet != nullptr && copied < limit; packet = next_of(*packet)) {
        const ULONG here = used(*packet);
        if (offset >= here) {
            offset -= here;
            continue;
        }
        const ULONG part = std::min(here - offset, limit - copied);
        std::memcpy(to + copied, packet->nx_packet_prepend_ptr + offset, part);
        copied += part;
        offset = 0;
    }
    return NX_SUCCESS;
}

UINT copy_packet(NX_PACKET* packet, NX_PACKET** copy, NX_PACKET_POOL* pool, ULONG wait_option) {
    if (packet->nx_packet_length == 0)
        return NX_INVALID_PACKET;
    const auto head = static_cast<ULONG>(packet->nx_packet_prepend_ptr - packet->nx_packet_data_start);
    NX_PACKET* fresh = nullptr;
    UINT status = NX_SUCCESS;
    {
        guard held(kernel().mutex);
        status = take_packet(held, *pool, fresh, head, wait_option, origin::caller);
    }
    for (const auto* link = packet; status == NX_SUCCESS && link != nullptr; link = next_of(*link))
        status =
            append(*fresh, {link->nx_packet_prepend_ptr, used(*link)}, *pool, wait_option, origin::caller);
    if (status != NX_SUCCESS) {
        guard held(kernel().mutex);
        if (fresh != nullptr)
            give_packet_back(held, fresh);
        return status;
    }
    fresh->nx_packet_ip_version = packet->nx_packet_ip_version;
    *copy = fresh;
    return NX_SUCCESS;
}

// NX_SUCCESS, or what a checked service says to a packet whose pointers ran out of its buffer.
UINT check_bounds(const NX_PACKET& packet) {
    if (packet.nx_packet_prepend_ptr < packet.nx_packet_data_start)
        return NX_UNDERFLOW;
    if (packet.nx_packet_append_ptr > packet.nx_packet_data_end)
        return NX_OVERFLOW;
    return NX_SUCCESS;
}

bool in_a_pool(const NX_PACKET* packet) {
    const guard held(kernel().mutex);
    if (pool_of(packet) != nullptr)
        return true;
    ++kernel().set.foreign_releases;
    return false;
}

} // namespace

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

UINT _nx_packet_pool_create(NX_PACKET_POOL* pool_ptr, CHAR* name, ULONG payload_size, VOID* memory_ptr,
                            ULONG memory_size) {
    return service("nx_packet_pool_create",
                   [&] { return pool_create(pool_ptr, name, payload_size, memory_ptr, memory_size); });
}

UINT _nxe_packet_pool_create(NX_PACKET_POOL* pool_ptr, CHAR* name, ULONG payload_size, VOID* memory_ptr,
                             ULONG memory_size, UINT pool_control_block_size) {
    if (pool_ptr == nullptr || memory_ptr == nullptr || pool_control_block_size != sizeof(NX_PACKET_POOL))
        return NX_PTR_ERROR;
    const auto where = lay_out(memory_ptr, memory_size, payload_size);
    if (payload_size == 0 || where.stride > where.size)
        return NX_SIZE_ERROR;
    if (collides(pool_ptr, memory_ptr, memory_size))
        return NX_PTR_ERROR;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_packet_pool_create(pool_ptr, name, payload_size, memory_ptr, memory_size);
}

UINT _nx_packet_pool_delete(NX_PACKET_POOL* pool_ptr) {
    return service("nx_packet_pool_delete", [&] { return pool_delete(pool_ptr); });
}

UINT _nxe_packet_pool_delete(NX_PACKET_POOL* pool_ptr) {
    if (!is_pool(pool_ptr))
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_packet_pool_delete(pool_ptr);
}

UINT _nx_packet_pool_info_get(NX_PACKET_POOL* pool_ptr, ULONG* total_packets, ULONG* free_packets,
                              ULONG* empty_pool_requests, ULONG* empty_pool_suspensions,
                              ULONG* invalid_packet_releases) {
    return service("nx_packet_pool_info_get", [&]() -> UINT {
        const guard held(kernel().mutex);
        store(total_packets, pool_ptr->nx_packet_pool_total);
        store(free_packets, pool_ptr->nx_packet_pool_available);
        store(empty_pool_requests, pool_ptr->nx_packet_pool_empty_requests);
        store(empty_pool_suspensions, pool_ptr->nx_packet_pool_empty_suspensions);
        store(invalid_packet_releases, pool_ptr->nx_packet_pool_invalid_releases);
        return NX_SUCCESS;
    });
}

UINT _nxe_packet_pool_info_get(NX_PACKET_POOL* pool_ptr, ULONG* total_packets, ULONG* free_packets,
                               ULONG* empty_pool_requests, ULONG* empty_pool_suspensions,
                               ULONG* invalid_packet_releases) {
    if (!is_pool(pool_ptr))
        return NX_PTR_ERROR;
    NX_NOT_ISR_CALLER_CHECKING
    return _nx_packet_pool_info_get(pool_ptr, total_packets, free_packets, empty_pool_requests,
                                    empty_pool_suspensions, invalid_packet_releases);
}

UINT _nx_packet_allocate(NX_PACKET_POOL* pool_ptr, NX_PACKET** packet_ptr, ULONG packet_type,
                         ULONG wait_option) {
    return service("nx_packet_allocate", [&] {
        guard held(kernel().mutex);
        return take_packet(held, *pool_ptr, *packet_ptr, packet_type, wait_option, origin::caller);
    });
}

UINT _nxe_packet_allocate(NX_PACKET_POOL* pool_ptr, NX_PACKET** packet_ptr, ULONG packet_type,
                          ULONG wait_option) {
    if (!is_pool(pool_ptr) || packet_ptr == nullptr)
        return NX_PTR_ERROR;
    if (packet_type % sizeof(ULONG) != 0)
        return NX_OPTION_ERROR;
    NX_THREAD_WAIT_CALLER_CHECKING
    return _nx_packet_allocate(pool_ptr, packet_ptr, packet_type, wait_option);
}

UINT _nx_packet_copy(NX_PACKET* packet_ptr, NX_PACKET** new_packet_ptr, NX_PACKET_POOL* pool_ptr,
                     ULONG wait_option) {
    return service("nx_packet_copy",
                   [&] { return copy_packet(packet_ptr, new_packet_ptr, pool_ptr, wait_option); });
}

UINT _nxe_packet_copy(NX_PACKET* packet_ptr, NX_PACKET** new_packet_ptr, NX_PACKET_POOL* pool_ptr,
                      ULONG wait_option) {
    if (!is_pool(pool_ptr) || packet_ptr == nullptr || new_packet_ptr == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_bounds(*packet_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_THREAD_WAIT_CALLER_CHECKING
    return _nx_packet_copy(packet_ptr, new_packet_ptr, pool_ptr, wait_option);
}

UINT _nx_packet_data_append(NX_PACKET* packet_ptr, VOID* data_start, ULONG data_size,
                            NX_PACKET_POOL* pool_ptr, ULONG wait_option) {
    return service("nx_packet_data_append", [&] {
        return append(*packet_ptr, {static_cast<const UCHAR*>(data_start), data_size}, *pool_ptr, wait_option,
                      origin::caller);
    });
}

UINT _nxe_packet_data_append(NX_PACKET* packet_ptr, VOID* data_start, ULONG data_size,
                             NX_PACKET_POOL* pool_ptr, ULONG wait_option) {
    if (!is_pool(pool_ptr) || packet_ptr == nullptr || data_start == nullptr)
        return NX_PTR_ERROR;
    if (data_size == 0)
        return NX_SIZE_ERROR;
    if (const UINT wrong = check_bounds(*packet_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_THREAD_WAIT_CALLER_CHECKING
    return _nx_packet_data_append(packet_ptr, data_start, data_size, pool_ptr, wait_option);
}

UINT _nx_packet_data_extract_offset(NX_PACKET* packet_ptr, ULONG offset, VOID* buffer_start,
                                    ULONG buffer_length, ULONG* bytes_copied) {
    return service("nx_packet_data_extract_offset", [&] {
        return copy_out(packet_ptr, offset, static_cast<UCHAR*>(buffer_start), buffer_length, *bytes_copied);
    });
}

UINT _nxe_packet_data_extract_offset(NX_PACKET* packet_ptr, ULONG offset, VOID* buffer_start,
                                     ULONG buffer_length, ULONG* bytes_copied) {
    if (packet_ptr == nullptr || buffer_start == nullptr || bytes_copied == nullptr)
        return NX_PTR_ERROR;
    return _nx_packet_data_extract_offset(packet_ptr, offset, buffer_start, buffer_length, bytes_copied);
}

UINT _nx_packet_data_retrieve(NX_PACKET* packet_ptr, VOID* buffer_start, ULONG* bytes_copied) {
    return service("nx_packet_data_retrieve", [&]() -> UINT {
        copy_out(packet_ptr, 0, static_cast<UCHAR*>(buffer_start), packet_ptr->nx_packet_length,
                 *bytes_copied);
        return *bytes_copied == packet_ptr->nx_packet_length ? NX_SUCCESS : NX_INVALID_PACKET;
    });
}

UINT _nxe_packet_data_retrieve(NX_PACKET* packet_ptr, VOID* buffer_start, ULONG* bytes_copied) {
    if (packet_ptr == nullptr || buffer_start == nullptr || bytes_copied == nullptr)
        return NX_PTR_ERROR;
    return _nx_packet_data_retrieve(packet_ptr, buffer_start, bytes_copied);
}

UINT _nx_packet_length_get(NX_PACKET* packet_ptr, ULONG* length) {
    *length = packet_ptr->nx_packet_length;
    return NX_SUCCESS;
}

UINT _nxe_packet_length_get(NX_PACKET* packet_ptr, ULONG* length) {
    if (packet_ptr == nullptr || !is_pool(packet_ptr->nx_packet_pool_owner) || length == nullptr)
        return NX_PTR_ERROR;
    return _nx_packet_length_get(packet_ptr, length);
}

UINT _nx_packet_release(NX_PACKET* packet_ptr) {
    return service("nx_packet_release", [&] {
        guard held(kernel().mutex);
        return give_packet_back(held, packet_ptr);
    });
}

UINT _nxe_packet_release(NX_PACKET** packet_ptr_ptr) {
    auto* packet = *packet_ptr_ptr;
    // A stray pointer must not be read at all.
    if (packet == nullptr || !in_a_pool(packet))
        return NX_PTR_ERROR;
    if (const UINT wrong = check_bounds(*packet); wrong != NX_SUCCESS)
        return wrong;
    const UINT status = _nx_packet_release(packet);
    if (status == NX_SUCCESS)
        *packet_ptr_ptr = nullptr;
    return status;
}

// For packets that a failed send left with its caller: nothing of TCP is left in them here, so both releases
// agree.
UINT _nx_packet_transmit_release(NX_PACKET* packet_ptr) {
    return service("nx_packet_transmit_release", [&] {
        guard held(kernel().mutex);
        return give_packet_back(held, packet_ptr);
    });
}

UINT _nxe_packet_transmit_release(NX_PACKET** packet_ptr_ptr) {
    auto* packet = *packet_ptr_ptr;
    if (packet == nullptr || !in_a_pool(packet))
        return NX_PTR_ERROR;
    if (const UINT wrong = check_bounds(*packet); wrong != NX_SUCCESS)
        return wrong;
    const UINT status = _nx_packet_transmit_release(packet);
    if (status == NX_SUCCESS)
        *packet_ptr_ptr = nullptr;
    return status;
}

UINT nx_hosted_pool_stats_get(NX_PACKET_POOL* pool_ptr, NX_HOSTED_POOL_STATS* stats) {
    if (!is_pool(pool_ptr) || stats == nullptr)
        return NX_PTR_ERROR;
    const guard held(kernel().mutex);
    *stats = {pool_ptr->nx_packet_pool_total,
              pool_ptr->nx_packet_pool_available,
              pool_ptr->nx_packet_pool_total - pool_ptr->nx_packet_pool_available,
              pool_ptr->nx_packet_pool_hosted_peak,
              pool_ptr->nx_packet_pool_hosted_allocations,
              pool_ptr->nx_packet_pool_hosted_failures,
              pool_ptr->nx_packet_pool_hosted_releases,
              pool_ptr->nx_packet_pool_hosted_double_releases,
              pool_ptr->nx_packet_pool_hosted_requests};
    return NX_SUCCESS;
}

UINT nx_hosted_pool_reset(NX_PACKET_POOL* pool_ptr) {
    if (!is_pool(pool_ptr))
        return NX_PTR_ERROR;
    const guard held(kernel().mutex);
    pool_ptr->nx_packet_pool_hosted_peak =
        pool_ptr->nx_packet_pool_total - pool_ptr->nx_packet_pool_available;
    pool_ptr->nx_packet_pool_hosted_allocations = 0;
    pool_ptr->nx_packet_pool_hosted_failures = 0;
    pool_ptr->nx_packet_pool_hosted_releases = 0;
    pool_ptr->nx_packet_pool_hosted_double_releases = 0;
    pool_ptr->nx_packet_pool_hosted_requests = 0;
    pool_ptr->nx_packet_pool_hosted_fail_first = 0;
    pool_ptr->nx_packet_pool_hosted_dry_until = 0;
    kernel().changed.notify_all();
    return NX_SUCCESS;
}

UINT nx_hosted_pool_dry(NX_PACKET_POOL* pool_ptr, ULONG milliseconds) {
    if (!is_pool(pool_ptr))
        return NX_PTR_ERROR;
    const guard held(kernel().mutex);
    const auto until = clock::now() + std::chrono::milliseconds(milliseconds);
    pool_ptr->nx_packet_pool_hosted_dry_until = nanoseconds_now() + std::uint64_t{milliseconds} * 1'000'000U;
    // A little later than the pool, so that whoever wakes then finds it filled.
    kernel().next_event = std::max(kernel().next_event, until + std::chrono::milliseconds(1));
    kernel().changed.notify_all();
    return NX_SUCCESS;
}

UINT nx_hosted_pool_fail(NX_PACKET_POOL* pool_ptr, ULONG nth, ULONG count) {
    if (!is_pool(pool_ptr))
        return NX_PTR_ERROR;
    const guard held(kernel().mutex);
    const ULONG before = pool_ptr->nx_packet_pool_hosted_requests;
    pool_ptr->nx_packet_pool_hosted_fail_first = nth != 0 ? before + nth : 0;
    pool_ptr->nx_packet_pool_hosted_fail_last = count != 0 ? before + nth + count - 1 : 0xFFFFFFFFU;
    return NX_SUCCESS;
}

} // extern "C"
