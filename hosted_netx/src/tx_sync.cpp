// Mutexes, semaphores, event flags and queues.
//
// An object that is deleted while threads wait for it wakes them with TX_DELETED, and the delete returns when
// the last of them has let go of it: the application may reuse the memory at once.
#include "kernel.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace postrider::hosted {

namespace {

constexpr ULONG mutex_id = 0x4D555445;
constexpr ULONG semaphore_id = 0x53454D41;
constexpr ULONG group_id = 0x4456444E;
constexpr ULONG queue_id = 0x51554555;
constexpr UINT longest_message = 16; // in ULONGs

bool may_create() {
    return context() < TX_HOSTED_TIMER;
}

void wake_deleted(guard& held, const TX_HOSTED_QUEUE& waiting) {
    kernel().changed.notify_all();
    kernel().changed.wait(held, [&] { return waiting.tx_hosted_count == 0; });
}

TX_THREAD* first_thread(const TX_HOSTED_QUEUE& waiting) {
    return waiting.tx_hosted_first != nullptr ? waiting.tx_hosted_first->thread : nullptr;
}

// Waits in line for an object with an id; take() is asked while the object lives.
template <class Take>
UINT get_in_line(guard& held, const ULONG& id, TX_HOSTED_QUEUE& waiting, ULONG wait_option, UINT state,
                 UINT unavailable, Take take) {
    bool deleted = false;
    const auto result = wait_in_line(held, waiting, wait_option, state, [&] {
        deleted = id == 0;
        return deleted || take();
    });
    if (deleted)
        return TX_DELETED;
    if (result == wake::aborted)
        return TX_WAIT_ABORTED;
    return result == wake::ready ? TX_SUCCESS : unavailable;
}

bool satisfied(ULONG current, ULONG requested, UINT option) {
    return (option & TX_AND) != 0 ? (current & requested) == requested : (current & requested) != 0;
}

UINT get_flags(guard& held, TX_EVENT_FLAGS_GROUP& group, ULONG requested, UINT option, ULONG& actual,
               ULONG wait_option) {
    bool deleted = false;
    // No line here: each waits for flags of its own.
    waiter mine{current_thread(), nullptr};
    enqueue(group.tx_event_flags_group_waiting, mine);
    const auto result = wait_until_ready(held, wait_option, TX_EVENT_FLAG, [&] {
        deleted = group.tx_event_flags_group_id == 0;
        return deleted || satisfied(group.tx_event_flags_group_current, requested, option);
    });
    dequeue(group.tx_event_flags_group_waiting, mine);
    kernel().changed.notify_all();
    if (deleted)
        return TX_DELETED;
    if (result != wake::ready)
        return result == wake::aborted ? TX_WAIT_ABORTED : TX_NO_EVENTS;
    actual = group.tx_event_flags_group_current;
    if (option == TX_OR_CLEAR || option == TX_AND_CLEAR)
        group.tx_event_flags_group_current &= ~requested;
    return TX_SUCCESS;
}

UINT queue_put(TX_QUEUE* queue, const void* source, ULONG wait_option, bool front) {
    if (source == nullptr)
        return TX_PTR_ERROR;
    if (!may_wait(wait_option))
        return TX_WAIT_ERROR;
    guard held(kernel().mutex);
    if (queue == nullptr || queue->tx_queue_id != queue_id)
        return TX_QUEUE_ERROR;
    const UINT status = get_in_line(
        held, queue->tx_queue_id, queue->tx_queue_waiting, wait_option, TX_QUEUE_SUSP, TX_QUEUE_FULL, [&] {
            if (queue->tx_queue_enqueued == queue->tx_queue_capacity)
                return false;
            if (front)
                queue->tx_queue_read =
                    (queue->tx_queue_read + queue->tx_queue_capacity - 1) % queue->tx_queue_capacity;
            const ULONG slot =
                front ? queue->tx_queue_read
                      : (queue->tx_queue_read + queue->tx_queue_enqueued) % queue->tx_queue_capacity;
            std::memcpy(queue->tx_queue_start + static_cast<std::size_t>(slot) * queue->tx_queue_message_size,
                        source, queue->tx_queue_message_size * sizeof(ULONG));
            ++queue->tx_queue_enqueued;
            return true;
        });
    kernel().changed.notify_all();
    return status;
}

} // namespace

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

UINT tx_mutex_create(TX_MUTEX* mutex_ptr, CHAR* name_ptr, UINT inherit) {
    if (mutex_ptr == nullptr)
        return TX_MUTEX_ERROR;
    if (inherit != TX_INHERIT && inherit != TX_NO_INHERIT)
        return TX_INHERIT_ERROR;
    if (!may_create())
        return TX_CALLER_ERROR;
    const guard held(kernel().mutex);
    if (linked(kernel().mutexes, mutex_ptr, &TX_MUTEX::tx_mutex_created_next))
        return TX_MUTEX_ERROR;
    *mutex_ptr = {};
    mutex_ptr->tx_mutex_id = mutex_id;
    mutex_ptr->tx_mutex_name = name_ptr;
    mutex_ptr->tx_mutex_inherit = inherit;
    link(kernel().mutexes, mutex_ptr, &TX_MUTEX::tx_mutex_created_next);
    return TX_SUCCESS;
}

UINT tx_mutex_delete(TX_MUTEX* mutex_ptr) {
    guard held(kernel().mutex);
    if (mutex_ptr == nullptr || mutex_ptr->tx_mutex_id != mutex_id)
        return TX_MUTEX_ERROR;
    unlink(kernel().mutexes, mutex_ptr, &TX_MUTEX::tx_mutex_created_next);
    mutex_ptr->tx_mutex_id = 0;
    wake_deleted(held, mutex_ptr->tx_mutex_waiting);
    return TX_SUCCESS;
}

UINT tx_mutex_get(TX_MUTEX* mutex_ptr, ULONG wait_option) {
    return service("tx_mutex_get", [&]() -> UINT {
        if (!may_wait(wait_option))
            return TX_WAIT_ERROR;
        guard held(kernel().mutex);
        if (mutex_ptr == nullptr || mutex_ptr->tx_mutex_id != mutex_id)
            return TX_MUTEX_ERROR;
        auto* me = current_thread();
        const auto take = [&] {
            if (mutex_ptr->tx_mutex_ownership_count != 0 && mutex_ptr->tx_mutex_owner != me)
                return false;
            mutex_ptr->tx_mutex_owner = me;
            ++mutex_ptr->tx_mutex_ownership_count;
            return true;
        };
        if (mutex_ptr->tx_mutex_ownership_count != 0 && mutex_ptr->tx_mutex_owner == me) {
            take(); // the owner does not queue behind those who wait for it
            return TX_SUCCESS;
        }
        return get_in_line(held, mutex_ptr->tx_mutex_id, mutex_ptr->tx_mutex_waiting, wait_option,
                           TX_MUTEX_SUSP, TX_NOT_AVAILABLE, take);
    });
}

UINT tx_mutex_info_get(TX_MUTEX* mutex_ptr, CHAR** name, ULONG* count, TX_THREAD** owner,
                       TX_THREAD** first_suspended, ULONG* suspended_count, TX_MUTEX** next_mutex) {
    const guard held(kernel().mutex);
    if (mutex_ptr == nullptr || mutex_ptr->tx_mutex_id != mutex_id)
        return TX_MUTEX_ERROR;
    store(name, mutex_ptr->tx_mutex_name);
    store(count, static_cast<ULONG>(mutex_ptr->tx_mutex_ownership_count));
    store(owner, mutex_ptr->tx_mutex_owner);
    store(first_suspended, first_thread(mutex_ptr->tx_mutex_waiting));
    store(suspended_count, mutex_ptr->tx_mutex_waiting.tx_hosted_count);
    store(next_mutex, mutex_ptr->tx_mutex_created_next);
    return TX_SUCCESS;
}

UINT tx_mutex_put(TX_MUTEX* mutex_ptr) {
    return service("tx_mutex_put", [&]() -> UINT {
        const guard held(kernel().mutex);
        if (mutex_ptr == nullptr || mutex_ptr->tx_mutex_id != mutex_id)
            return TX_MUTEX_ERROR;
        if (mutex_ptr->tx_mutex_ownership_count == 0 || mutex_ptr->tx_mutex_owner != current_thread())
            return TX_NOT_OWNED;
        if (--mutex_ptr->tx_mutex_ownership_count == 0)
            mutex_ptr->tx_mutex_owner = nullptr;
        kernel().changed.notify_all();
        return TX_SUCCESS;
    });
}

UINT tx_semaphore_ceiling_put(TX_SEMAPHORE* semaphore_ptr, ULONG ceiling) {
    if (ceiling == 0)
        return TX_INVALID_CEILING;
    {
        const guard held(kernel().mutex);
        if (semaphore_ptr == nullptr || semaphore_ptr->tx_semaphore_id != semaphore_id)
            return TX_SEMAPHORE_ERROR;
        if (semaphore_ptr->tx_semaphore_count >= ceiling)
            return TX_CEILING_EXCEEDED;
    }
    return tx_semaphore_put(semaphore_ptr);
}

UINT tx_semaphore_create(TX_SEMAPHORE* semaphore_ptr, CHAR* name_ptr, ULONG initial_count) {
    if (semaphore_ptr == nullptr)
        return TX_SEMAPHORE_ERROR;
    if (!may_create())
        return TX_CALLER_ERROR;
    const guard held(kernel().mutex);
    if (linked(kernel().semaphores, semaphore_ptr, &TX_SEMAPHORE::tx_semaphore_created_next))
        return TX_SEMAPHORE_ERROR;
    *semaphore_ptr = {};
    semaphore_ptr->tx_semaphore_id = semaphore_id;
    semaphore_ptr->tx_semaphore_name = name_ptr;
    semaphore_ptr->tx_semaphore_count = initial_count;
    link(kernel().semaphores, semaphore_ptr, &TX_SEMAPHORE::tx_semaphore_created_next);
    return TX_SUCCESS;
}

UINT tx_semaphore_delete(TX_SEMAPHORE* semaphore_ptr) {
    guard held(kernel().mutex);
    if (semaphore_ptr == nullptr || semaphore_ptr->tx_semaphore_id != semaphore_id)
        return TX_SEMAPHORE_ERROR;
    unlink(kernel().semaphores, semaphore_ptr, &TX_SEMAPHORE::tx_semaphore_created_next);
    semaphore_ptr->tx_semaphore_id = 0;
    wake_deleted(held, semaphore_ptr->tx_semaphore_waiting);
    return TX_SUCCESS;
}

UINT tx_semaphore_get(TX_SEMAPHORE* semaphore_ptr, ULONG wait_option) {
    return service("tx_semaphore_get", [&]() -> UINT {
        if (!may_wait(wait_option))
            return TX_WAIT_ERROR;
        guard held(kernel().mutex);
        if (semaphore_ptr == nullptr || semaphore_ptr->tx_semaphore_id != semaphore_id)
            return TX_SEMAPHORE_ERROR;
        return get_in_line(held, semaphore_ptr->tx_semaphore_id, semaphore_ptr->tx_semaphore_waiting,
                           wait_option, TX_SEMAPHORE_SUSP, TX_NO_INSTANCE, [&] {
                               if (semaphore_ptr->tx_semaphore_count == 0)
                                   return false;
                               --semaphore_ptr->tx_semaphore_count;
                               return true;
                           });
    });
}

UINT tx_semaphore_info_get(TX_SEMAPHORE* semaphore_ptr, CHAR** name, ULONG* current_value,
                           TX_THREAD** first_suspended, ULONG* suspended_count,
                           TX_SEMAPHORE** next_semaphore) {
    const guard held(kernel().mutex);
    if (semaphore_ptr == nullptr || semaphore_ptr->tx_semaphore_id != semaphore_id)
        return TX_SEMAPHORE_ERROR;
    store(name, semaphore_ptr->tx_semaphore_name);
    store(current_value, semaphore_ptr->tx_semaphore_count);
    store(first_suspended, first_thread(semaphore_ptr->tx_semaphore_waiting));
    store(suspended_count, semaphore_ptr->tx_semaphore_waiting.tx_hosted_count);
    store(next_semaphore, semaphore_ptr->tx_semaphore_created_next);
    return TX_SUCCESS;
}

UINT tx_semaphore_put(TX_SEMAPHORE* semaphore_ptr) {
    return service("tx_semaphore_put", [&]() -> UINT {
        VOID (*notify)(TX_SEMAPHORE*) = nullptr;
        {
            const guard held(kernel().mutex);
            if (semaphore_ptr == nullptr || semaphore_ptr->tx_semaphore_id != semaphore_id)
                return TX_SEMAPHORE_ERROR;
            ++semaphore_ptr->tx_semaphore_count;
            notify = semaphore_ptr->tx_semaphore_put_notify;
            kernel().changed.notify_all();
        }
        if (notify != nullptr)
            notify(semaphore_ptr);
        return TX_SUCCESS;
    });
}

UINT tx_semaphore_put_notify(TX_SEMAPHORE* semaphore_ptr, VOID (*semaphore_put_notify)(TX_SEMAPHORE*)) {
    const guard held(kernel().mutex);
    if (semaphore_ptr == nullptr || semaphore_ptr->tx_semaphore_id != semaphore_id)
        return TX_SEMAPHORE_ERROR;
    semaphore_ptr->tx_semaphore_put_notify = semaphore_put_notify;
    return TX_SUCCESS;
}

UINT tx_event_flags_create(TX_EVENT_FLAGS_GROUP* group_ptr, CHAR* name_ptr) {
    if (group_ptr == nullptr)
        return TX_GROUP_ERROR;
    if (!may_create())
        return TX_CALLER_ERROR;
    const guard held(kernel().mutex);
    if (linked(kernel().groups, group_ptr, &TX_EVENT_FLAGS_GROUP::tx_event_flags_group_created_next))
        return TX_GROUP_ERROR;
    *group_ptr = {};
    group_ptr->tx_event_flags_group_id = group_id;
    group_ptr->tx_event_flags_group_name = name_ptr;
    link(kernel().groups, group_ptr, &TX_EVENT_FLAGS_GROUP::tx_event_flags_group_created_next);
    return TX_SUCCESS;
}

UINT tx_event_flags_delete(TX_EVENT_FLAGS_GROUP* group_ptr) {
    guard held(kernel().mutex);
    if (group_ptr == nullptr || group_ptr->tx_event_flags_group_id != group_id)
        return TX_GROUP_ERROR;
    unlink(kernel().groups, group_ptr, &TX_EVENT_FLAGS_GROUP::tx_event_flags_group_created_next);
    group_ptr->tx_event_flags_group_id = 0;
    wake_deleted(held, group_ptr->tx_event_flags_group_waiting);
    return TX_SUCCESS;
}

UINT tx_event_flags_get(TX_EVENT_FLAGS_GROUP* group_ptr, ULONG requested_flags, UINT get_option,
                        ULONG* actual_flags_ptr, ULONG wait_option) {
    return service("tx_event_flags_get", [&]() -> UINT {
        if (actual_flags_ptr == nullptr)
            return TX_PTR_ERROR;
        if (get_option > TX_AND_CLEAR)
            return TX_OPTION_ERROR;
        if (!may_wait(wait_option))
            return TX_WAIT_ERROR;
        guard held(kernel().mutex);
        if (group_ptr == nullptr || group_ptr->tx_event_flags_group_id != group_id)
            return TX_GROUP_ERROR;
        return get_flags(held, *group_ptr, requested_flags, get_option, *actual_flags_ptr, wait_option);
    });
}

UINT tx_event_flags_info_get(TX_EVENT_FLAGS_GROUP* group_ptr, CHAR** name, ULONG* current_flags,
                             TX_THREAD** first_suspended, ULONG* suspended_count,
                             TX_EVENT_FLAGS_GROUP** next_group) {
    const guard held(kernel().mutex);
    if (group_ptr == nullptr || group_ptr->tx_event_flags_group_id != group_id)
        return TX_GROUP_ERROR;
    store(name, group_ptr->tx_event_flags_group_name);
    store(current_flags, group_ptr->tx_event_flags_group_current);
    store(first_suspended, first_thread(group_ptr->tx_event_flags_group_waiting));
    store(suspended_count, group_ptr->tx_event_flags_group_waiting.tx_hosted_count);
    store(next_group, group_ptr->tx_event_flags_group_created_next);
    return TX_SUCCESS;
}

UINT tx_event_flags_set(TX_EVENT_FLAGS_GROUP* group_ptr, ULONG flags_to_set, UINT set_option) {
    return service("tx_event_flags_set", [&]() -> UINT {
        if (set_option != TX_AND && set_option != TX_OR)
            return TX_OPTION_ERROR;
        VOID (*notify)(TX_EVENT_FLAGS_GROUP*) = nullptr;
        {
            const guard held(kernel().mutex);
            if (group_ptr == nullptr || group_ptr->tx_event_flags_group_id != group_id)
                return TX_GROUP_ERROR;
            auto& current = group_ptr->tx_event_flags_group_current;
            current = set_option == TX_OR ? current | flags_to_set : current & flags_to_set;
            notify = set_option == TX_OR ? group_ptr->tx_event_flags_group_set_notify : nullptr;
            kernel().changed.notify_all();
        }
        if (notify != nullptr)
            notify(group_ptr);
        return TX_SUCCESS;
    });
}

UINT tx_event_flags_set_notify(TX_EVENT_FLAGS_GROUP* group_ptr,
                               VOID (*events_set_notify)(TX_EVENT_FLAGS_GROUP*)) {
    const guard held(kernel().mutex);
    if (group_ptr == nullptr || group_ptr->tx_event_flags_group_id != group_id)
        return TX_GROUP_ERROR;
    group_ptr->tx_event_flags_group_set_notify = events_set_notify;
    return TX_SUCCESS;
}

UINT tx_queue_create(TX_QUEUE* queue_ptr, CHAR* name_ptr, UINT message_size, VOID* queue_start,
                     ULONG queue_size) {
    if (queue_ptr == nullptr)
        return TX_QUEUE_ERROR;
    if (queue_start == nullptr)
        return TX_PTR_ERROR;
    if (message_size < TX_1_ULONG || message_size > longest_message ||
        queue_size / sizeof(ULONG) < message_size)
        return TX_SIZE_ERROR;
    if (!may_create())
        return TX_CALLER_ERROR;
    const guard held(kernel().mutex);
    if (linked(kernel().queues, queue_ptr, &TX_QUEUE::tx_queue_created_next))
        return TX_QUEUE_ERROR;
    *queue_ptr = {};
    queue_ptr->tx_queue_id = queue_id;
    queue_ptr->tx_queue_name = name_ptr;
    queue_ptr->tx_queue_message_size = message_size;
    queue_ptr->tx_queue_capacity = static_cast<ULONG>(queue_size / (message_size * sizeof(ULONG)));
    queue_ptr->tx_queue_start = static_cast<ULONG*>(queue_start);
    link(kernel().queues, queue_ptr, &TX_QUEUE::tx_queue_created_next);
    return TX_SUCCESS;
}

UINT tx_queue_delete(TX_QUEUE* queue_ptr) {
    guard held(kernel().mutex);
    if (queue_ptr == nullptr || queue_ptr->tx_queue_id != queue_id)
        return TX_QUEUE_ERROR;
    unlink(kernel().queues, queue_ptr, &TX_QUEUE::tx_queue_created_next);
    queue_ptr->tx_queue_id = 0;
    wake_deleted(held, queue_ptr->tx_queue_waiting);
    return TX_SUCCESS;
}

UINT tx_queue_flush(TX_QUEUE* queue_ptr) {
    const guard held(kernel().mutex);
    if (queue_ptr == nullptr || queue_ptr->tx_queue_id != queue_id)
        return TX_QUEUE_ERROR;
    queue_ptr->tx_queue_enqueued = 0;
    queue_ptr->tx_queue_read = 0;
    kernel().changed.notify_all();
    return TX_SUCCESS;
}

UINT tx_queue_front_send(TX_QUEUE* queue_ptr, VOID* source_ptr, ULONG wait_option) {
    return service("tx_queue_front_send",
                   [&] { return queue_put(queue_ptr, source_ptr, wait_option, true); });
}

UINT tx_queue_info_get(TX_QUEUE* queue_ptr, CHAR** name, ULONG* enqueued, ULONG* available_storage,
                       TX_THREAD** first_suspended, ULONG* suspended_count, TX_QUEUE** next_queue) {
    const guard held(kernel().mutex);
    if (queue_ptr == nullptr || queue_ptr->tx_queue_id != queue_id)
        return TX_QUEUE_ERROR;
    store(name, queue_ptr->tx_queue_name);
    store(enqueued, queue_ptr->tx_queue_enqueued);
    store(available_storage, queue_ptr->tx_queue_capacity - queue_ptr->tx_queue_enqueued);
    store(first_suspended, first_thread(queue_ptr->tx_queue_waiting));
    store(suspended_count, queue_ptr->tx_queue_waiting.tx_hosted_count);
    store(next_queue, queue_ptr->tx_queue_created_next);
    return TX_SUCCESS;
}

UINT tx_queue_receive(TX_QUEUE* queue_ptr, VOID* destination_ptr, ULONG wait_option) {
    return service("tx_queue_receive", [&]() -> UINT {
        if (destination_ptr == nullptr)
            return TX_PTR_ERROR;
        if (!may_wait(wait_option))
            return TX_WAIT_ERROR;
        guard held(kernel().mutex);
        if (queue_ptr == nullptr || queue_ptr->tx_queue_id != queue_id)
            return TX_QUEUE_ERROR;
        const UINT status = get_in_line(
            held, queue_ptr->tx_queue_id, queue_ptr->tx_queue_waiting, wait_option, TX_QUEUE_SUSP,
            TX_QUEUE_EMPTY, [&] {
                if (queue_ptr->tx_queue_enqueued == 0)
                    return false;
                std::memcpy(destination_ptr,
                            queue_ptr->tx_queue_start + static_cast<std::size_t>(queue_ptr->tx_queue_read) *
                                                            queue_ptr->tx_queue_message_size,
                            queue_ptr->tx_queue_message_size * sizeof(ULONG));
                queue_ptr->tx_queue_read = (queue_ptr->tx_queue_read + 1) % queue_ptr->tx_queue_capacity;
                --queue_ptr->tx_queue_enqueued;
                return true;
            });
        kernel().changed.notify_all();
        return status;
    });
}

UINT tx_queue_send(TX_QUEUE* queue_ptr, VOID* source_ptr, ULONG wait_option) {
    return service("tx_queue_send", [&] { return queue_put(queue_ptr, source_ptr, wait_option, false); });
}

} // extern "C"
