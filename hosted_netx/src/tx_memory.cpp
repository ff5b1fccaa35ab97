// Byte pools and block pools.
#include "kernel.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace postrider::hosted {

namespace {

constexpr ULONG byte_pool_id = 0x42595445;
constexpr ULONG block_pool_id = 0x424C4F43;
constexpr ULONG smallest_byte_pool = 100;

// In front of every byte block; keeps the block aligned as malloc would.
struct alignas(std::max_align_t) byte_block {
    TX_BYTE_POOL* owner;
    ULONG size;
    byte_block* next;
};

byte_block* take_bytes(TX_BYTE_POOL& pool, ULONG size) {
    if (pool.tx_byte_pool_available < size)
        return nullptr;
    auto* block = static_cast<byte_block*>(std::malloc(sizeof(byte_block) + size));
    if (block == nullptr)
        return nullptr;
    *block = {&pool, size, static_cast<byte_block*>(pool.tx_byte_pool_blocks)};
    pool.tx_byte_pool_blocks = block;
    pool.tx_byte_pool_available -= size;
    return block;
}

void drop_blocks(TX_BYTE_POOL& pool) {
    for (auto* block = static_cast<byte_block*>(pool.tx_byte_pool_blocks); block != nullptr;) {
        auto* next = block->next;
        std::free(block);
        block = next;
    }
    pool.tx_byte_pool_blocks = nullptr;
}

bool give_bytes_back(byte_block* block) {
    for (auto* pool = kernel().byte_pools; pool != nullptr; pool = pool->tx_byte_pool_created_next) {
        auto* list = static_cast<byte_block*>(pool->tx_byte_pool_blocks);
        if (!unlink(list, block, &byte_block::next))
            continue;
        pool->tx_byte_pool_blocks = list;
        pool->tx_byte_pool_available += block->size;
        std::free(block);
        return true;
    }
    return false;
}

// A free block holds the next free one, a taken block its pool.
void* take_block(TX_BLOCK_POOL& pool) {
    if (pool.tx_block_pool_free == nullptr)
        return nullptr;
    auto** block = static_cast<void**>(pool.tx_block_pool_free);
    pool.tx_block_pool_free = *block;
    *block = &pool;
    --pool.tx_block_pool_available;
    return block + 1;
}

// What a wait for memory came to.
UINT outcome(bool got, ULONG pool_id, wake result) {
    if (got)
        return TX_SUCCESS;
    if (pool_id == 0)
        return TX_DELETED;
    return result == wake::aborted ? TX_WAIT_ABORTED : TX_NO_MEMORY;
}

UINT allocate_bytes(guard& held, TX_BYTE_POOL& pool, void*& memory, ULONG size, ULONG wait_option) {
    byte_block* block = nullptr;
    const auto result = wait_in_line(held, pool.tx_byte_pool_waiting, wait_option, TX_BYTE_MEMORY, [&] {
        block = pool.tx_byte_pool_id != 0 ? take_bytes(pool, size) : nullptr;
        return block != nullptr || pool.tx_byte_pool_id == 0;
    });
    memory = block != nullptr ? block + 1 : nullptr;
    return outcome(block != nullptr, pool.tx_byte_pool_id, result);
}

UINT allocate_block(guard& held, TX_BLOCK_POOL& pool, void*& block, ULONG wait_option) {
    block = nullptr;
    const auto result = wait_in_line(held, pool.tx_block_pool_waiting, wait_option, TX_BLOCK_MEMORY, [&] {
        block = pool.tx_block_pool_id != 0 ? take_block(pool) : nullptr;
        return block != nullptr || pool.tx_block_pool_id == 0;
    });
    return outcome(block != nullptr, pool.tx_block_pool_id, result);
}

} // namespace

void drop_byte_pools() {
    const guard held(kernel().mutex);
    for (auto* pool = kernel().byte_pools; pool != nullptr; pool = pool->tx_byte_pool_created_next)
        drop_blocks(*pool);
    kernel().byte_pools = nullptr;
}

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

UINT tx_byte_allocate(TX_BYTE_POOL* pool_ptr, VOID** memory_ptr, ULONG memory_size, ULONG wait_option) {
    return service("tx_byte_allocate", [&]() -> UINT {
        if (memory_ptr == nullptr)
            return TX_PTR_ERROR;
        if (!may_wait(wait_option))
            return TX_WAIT_ERROR;
        guard held(kernel().mutex);
        if (pool_ptr == nullptr || pool_ptr->tx_byte_pool_id != byte_pool_id)
            return TX_POOL_ERROR;
        if (memory_size == 0 || memory_size > pool_ptr->tx_byte_pool_size)
            return TX_SIZE_ERROR;
        return allocate_bytes(held, *pool_ptr, *memory_ptr, memory_size, wait_option);
    });
}

UINT tx_byte_pool_create(TX_BYTE_POOL* pool_ptr, CHAR* name_ptr, VOID* pool_start, ULONG pool_size) {
    if (pool_ptr == nullptr)
        return TX_POOL_ERROR;
    if (pool_start == nullptr)
        return TX_PTR_ERROR;
    if (pool_size < smallest_byte_pool)
        return TX_SIZE_ERROR;
    if (context() >= TX_HOSTED_TIMER)
        return TX_CALLER_ERROR;
    const guard held(kernel().mutex);
    if (linked(kernel().byte_pools, pool_ptr, &TX_BYTE_POOL::tx_byte_pool_created_next))
        return TX_POOL_ERROR;
    *pool_ptr = {};
    pool_ptr->tx_byte_pool_id = byte_pool_id;
    pool_ptr->tx_byte_pool_name = name_ptr;
    pool_ptr->tx_byte_pool_size = pool_size;
    pool_ptr->tx_byte_pool_available = pool_size;
    link(kernel().byte_pools, pool_ptr, &TX_BYTE_POOL::tx_byte_pool_created_next);
    return TX_SUCCESS;
}

UINT tx_byte_pool_delete(TX_BYTE_POOL* pool_ptr) {
    guard held(kernel().mutex);
    if (pool_ptr == nullptr || pool_ptr->tx_byte_pool_id != byte_pool_id)
        return TX_POOL_ERROR;
    unlink(kernel().byte_pools, pool_ptr, &TX_BYTE_POOL::tx_byte_pool_created_next);
    pool_ptr->tx_byte_pool_id = 0;
    drop_blocks(*pool_ptr);
    kernel().changed.notify_all();
    kernel().changed.wait(held, [&] { return pool_ptr->tx_byte_pool_waiting.tx_hosted_count == 0; });
    return TX_SUCCESS;
}

UINT tx_byte_pool_info_get(TX_BYTE_POOL* pool_ptr, CHAR** name, ULONG* available_bytes, ULONG* fragments,
                           TX_THREAD** first_suspended, ULONG* suspended_count, TX_BYTE_POOL** next_pool) {
    const guard held(kernel().mutex);
    if (pool_ptr == nullptr || pool_ptr->tx_byte_pool_id != byte_pool_id)
        return TX_POOL_ERROR;
    const auto* first = pool_ptr->tx_byte_pool_waiting.tx_hosted_first;
    store(name, pool_ptr->tx_byte_pool_name);
    store(available_bytes, pool_ptr->tx_byte_pool_available);
    store(fragments, ULONG{1});
    store(first_suspended, first != nullptr ? first->thread : nullptr);
    store(suspended_count, pool_ptr->tx_byte_pool_waiting.tx_hosted_count);
    store(next_pool, pool_ptr->tx_byte_pool_created_next);
    return TX_SUCCESS;
}

UINT tx_byte_release(VOID* memory_ptr) {
    if (memory_ptr == nullptr)
        return TX_PTR_ERROR;
    const guard held(kernel().mutex);
    if (!give_bytes_back(static_cast<byte_block*>(memory_ptr) - 1))
        return TX_PTR_ERROR;
    kernel().changed.notify_all();
    return TX_SUCCESS;
}

UINT tx_block_allocate(TX_BLOCK_POOL* pool_ptr, VOID** block_ptr, ULONG wait_option) {
    return service("tx_block_allocate", [&]() -> UINT {
        if (block_ptr == nullptr)
            return TX_PTR_ERROR;
        if (!may_wait(wait_option))
            return TX_WAIT_ERROR;
        guard held(kernel().mutex);
        if (pool_ptr == nullptr || pool_ptr->tx_block_pool_id != block_pool_id)
            return TX_POOL_ERROR;
        return allocate_block(held, *pool_ptr, *block_ptr, wait_option);
    });
}

UINT tx_block_pool_create(TX_BLOCK_POOL* pool_ptr, CHAR* name_ptr, ULONG block_size, VOID* pool_start,
                          ULONG pool_size) {
    if (pool_ptr == nullptr)
        return TX_POOL_ERROR;
    if (pool_start == nullptr)
        return TX_PTR_ERROR;
    constexpr ULONG grain = alignof(void*);
    const ULONG rounded = (block_size + grain - 1) / grain * grain;
    const ULONG stride = rounded + static_cast<ULONG>(sizeof(void*));
    const auto lost =
        static_cast<ULONG>((grain - reinterpret_cast<std::uintptr_t>(pool_start) % grain) % grain);
    if (block_size == 0 || pool_size < lost || (pool_size - lost) / stride == 0)
        return TX_SIZE_ERROR;
    if (context() >= TX_HOSTED_TIMER)
        return TX_CALLER_ERROR;
    const guard held(kernel().mutex);
    if (linked(kernel().block_pools, pool_ptr, &TX_BLOCK_POOL::tx_block_pool_created_next))
        return TX_POOL_ERROR;
    *pool_ptr = {};
    pool_ptr->tx_block_pool_id = block_pool_id;
    pool_ptr->tx_block_pool_name = name_ptr;
    pool_ptr->tx_block_pool_block_size = rounded;
    pool_ptr->tx_block_pool_total = (pool_size - lost) / stride;
    pool_ptr->tx_block_pool_available = pool_ptr->tx_block_pool_total;
    auto* memory = static_cast<unsigned char*>(pool_start) + lost;
    for (ULONG i = pool_ptr->tx_block_pool_total; i-- > 0;)
        pool_ptr->tx_block_pool_free =
            new (memory + std::size_t{i} * stride) void*(pool_ptr->tx_block_pool_free);
    link(kernel().block_pools, pool_ptr, &TX_BLOCK_POOL::tx_block_pool_created_next);
    return TX_SUCCESS;
}

UINT tx_block_pool_delete(TX_BLOCK_POOL* pool_ptr) {
    guard held(kernel().mutex);
    if (pool_ptr == nullptr || pool_ptr->tx_block_pool_id != block_pool_id)
        return TX_POOL_ERROR;
    unlink(kernel().block_pools, pool_ptr, &TX_BLOCK_POOL::tx_block_pool_created_next);
    pool_ptr->tx_block_pool_id = 0;
    kernel().changed.notify_all();
    kernel().changed.wait(held, [&] { return pool_ptr->tx_block_pool_waiting.tx_hosted_count == 0; });
    return TX_SUCCESS;
}

UINT tx_block_pool_info_get(TX_BLOCK_POOL* pool_ptr, CHAR** name, ULONG* available_blocks,
                            ULONG* total_blocks, TX_THREAD** first_suspended, ULONG* suspended_count,
                            TX_BLOCK_POOL** next_pool) {
    const guard held(kernel().mutex);
    if (pool_ptr == nullptr || pool_ptr->tx_block_pool_id != block_pool_id)
        return TX_POOL_ERROR;
    const auto* first = pool_ptr->tx_block_pool_waiting.tx_hosted_first;
    store(name, pool_ptr->tx_block_pool_name);
    store(available_blocks, pool_ptr->tx_block_pool_available);
    store(total_blocks, pool_ptr->tx_block_pool_total);
    store(first_suspended, first != nullptr ? first->thread : nullptr);
    store(suspended_count, pool_ptr->tx_block_pool_waiting.tx_hosted_count);
    store(next_pool, pool_ptr->tx_block_pool_created_next);
    return TX_SUCCESS;
}

UINT tx_block_release(VOID* block_ptr) {
    if (block_ptr == nullptr)
        return TX_PTR_ERROR;
    const guard held(kernel().mutex);
    auto** block = static_cast<void**>(block_ptr) - 1;
    auto* pool = static_cast<TX_BLOCK_POOL*>(*block);
    if (!linked(kernel().block_pools, pool, &TX_BLOCK_POOL::tx_block_pool_created_next))
        return TX_PTR_ERROR;
    *block = pool->tx_block_pool_free;
    pool->tx_block_pool_free = block;
    ++pool->tx_block_pool_available;
    kernel().changed.notify_all();
    return TX_SUCCESS;
}

} // extern "C"
