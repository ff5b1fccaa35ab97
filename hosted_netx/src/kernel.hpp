// The ground the hosted ThreadX and NetX stand on: one lock, one way to wait, one notion of who is calling.
//
// Every control block is guarded by one mutex, kernel().mutex, and every wait is on one condition variable
// that any change of state wakes. That is ThreadX's own model (interrupts off, then everybody looks again)
// and makes lock order a question that cannot arise. Application call-backs always run without the lock.
//
// A terminated thread must not return into the application: as on a device its stack is thrown away where it
// stands. Only checkpoint() does that, by a long jump to the thread's beginning, and only public services
// call it, before and after their work, when no object of ours is alive on the stack. Inside, a terminated
// thread merely sees its waits end as aborted.
#pragma once

#include "nx_hosted.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

// One waiter per waiting call, on its stack, linked into the object it waits for.
struct TX_HOSTED_WAITER_STRUCT {
    TX_THREAD* thread = nullptr;
    TX_HOSTED_WAITER_STRUCT* next = nullptr;
};

namespace postrider::hosted {

using guard = std::unique_lock<std::mutex>;
using clock = std::chrono::steady_clock;
using waiter = TX_HOSTED_WAITER_STRUCT;

struct thread_body;

enum class wake { ready, timed_out, aborted };
enum class phase { idle, initialising, running };

struct fail_order {
    ULONG first = 0; // in calls of the service; 0: no order
    ULONG last = 0;
    UINT status = 0;
};

struct service_record {
    ULONG calls = 0;
    fail_order order;
};

struct redirect {
    bool any_address = false;
    NXD_ADDRESS address{};
    UINT port = 0;
    UINT to_port = 0;
};

struct breakage {
    UINT how = NX_HOSTED_BREAK_NONE;
    std::uint64_t after = 0;
};

// What nx_hosted_reset puts back.
struct settings {
    std::unordered_map<std::string, service_record> services;
    std::unordered_map<std::size_t, redirect> redirects;
    bool network_allowed = true;
    ULONG cut_packet = 0;
    ULONG cut_link = 0;
    std::uint64_t cut_at = 0;
    breakage receive_break;
    breakage send_break;
    ULONG send_limit = 0;
    ULONG foreign_releases = 0;
};

struct kernel_state {
    std::mutex mutex;
    std::condition_variable changed;
    phase now = phase::idle;
    bool exit_requested = false;
    settings set;

    // Ticks: tick_base ticks had passed at time_base, scale ticks pass per 1/100 s since.
    clock::time_point time_base = clock::now();
    double tick_base = 0;
    ULONG scale = 1;
    clock::time_point next_event{};

    TX_THREAD* threads = nullptr;
    TX_MUTEX* mutexes = nullptr;
    TX_SEMAPHORE* semaphores = nullptr;
    TX_EVENT_FLAGS_GROUP* groups = nullptr;
    TX_QUEUE* queues = nullptr;
    TX_BYTE_POOL* byte_pools = nullptr;
    TX_BLOCK_POOL* block_pools = nullptr;
    TX_TIMER* timers = nullptr;
    NX_PACKET_POOL* packet_pools = nullptr;
    NX_IP* ips = nullptr;
};

kernel_state& kernel();

// All further functions that take a guard& expect it to hold kernel().mutex.

double ticks_now(const kernel_state& k);
clock::duration tick_length(const kernel_state& k);
/// When a wait of that many ticks that begins now is over.
clock::time_point deadline(const kernel_state& k, ULONG ticks);

UINT context();
/// Whether the calling context may ask to wait that long.
bool may_wait(ULONG wait_option);
TX_THREAD* current_thread();
bool wait_broken();
void set_waiting_state(UINT state);

/// Ends the calling thread here if it was terminated, stops it while it is suspended. Hold nothing.
void checkpoint();

/// Counts the call; a status other than NX_SUCCESS is a failure the test ordered.
UINT forced_failure(const char* service);

/// Waits until ready() holds, evaluated under the lock. state is what tx_thread_info_get shows meanwhile.
template <class Ready>
wake wait_until_ready(guard& held, ULONG ticks, UINT state, Ready ready) {
    if (ready())
        return wake::ready;
    if (ticks == TX_NO_WAIT)
        return wake::timed_out;
    const auto end = ticks == TX_WAIT_FOREVER ? clock::time_point::max() : deadline(kernel(), ticks);
    set_waiting_state(state);
    auto result = wake::ready;
    while (!ready()) {
        if (wait_broken()) {
            result = wake::aborted;
            break;
        }
        const auto now = clock::now();
        if (now >= end) {
            result = wake::timed_out;
            break;
        }
        // next_event: something will be ready by itself then, without anybody's change.
        const auto next = kernel().next_event > now ? std::min(end, kernel().next_event) : end;
        if (next == clock::time_point::max())
            kernel().changed.wait(held);
        else
            kernel().changed.wait_until(held, next);
    }
    set_waiting_state(TX_READY);
    return result;
}

void enqueue(TX_HOSTED_QUEUE& queue, waiter& self);
void dequeue(TX_HOSTED_QUEUE& queue, waiter& self);

/// Waits in line: only the longest waiting takes what take() offers; take() returns true when it took.
template <class Take>
wake wait_in_line(guard& held, TX_HOSTED_QUEUE& queue, ULONG ticks, UINT state, Take take) {
    if (queue.tx_hosted_first == nullptr && take())
        return wake::ready;
    if (ticks == TX_NO_WAIT)
        return wake::timed_out;
    waiter self{current_thread(), nullptr};
    enqueue(queue, self);
    const auto result =
        wait_until_ready(held, ticks, state, [&] { return queue.tx_hosted_first == &self && take(); });
    dequeue(queue, self);
    kernel().changed.notify_all();
    return result;
}

/// A public service: counted, refused on order, and a place where a terminated thread ends.
template <class Body>
UINT service(const char* name, Body body) {
    checkpoint();
    UINT status = forced_failure(name);
    if (status == NX_SUCCESS)
        status = body();
    checkpoint();
    return status;
}

/// A service whose body runs under the lock, which it is given.
template <class Body>
UINT ask(const char* name, Body body) {
    return service(name, [&]() -> UINT {
        guard held(kernel().mutex);
        return body(held);
    });
}

/// Appends to a list of created objects, removes from it, finds in it.
template <class T>
void link(T*& list, T* object, T* T::*next) {
    T** end = &list;
    while (*end != nullptr)
        end = &((*end)->*next);
    object->*next = nullptr;
    *end = object;
}
template <class T>
bool unlink(T*& list, T* object, T* T::*next) {
    for (T** at = &list; *at != nullptr; at = &((*at)->*next)) {
        if (*at == object) {
            *at = object->*next;
            object->*next = nullptr;
            return true;
        }
    }
    return false;
}
template <class T>
bool linked(T* list, const T* object, T* T::*next) {
    for (; list != nullptr; list = list->*next)
        if (list == object)
            return true;
    return false;
}

template <class T>
void store(T* where, T value) {
    if (where != nullptr)
        *where = value;
}

// What each part does when the kernel is left. No ThreadX thread runs any more.
void stop_timers();
void stop_ips();
void stop_tls();
void drop_byte_pools();
void drop_packet_pools();

/// Runs the calling Linux thread as the given ThreadX thread or context until destroyed.
class acting_as {
  public:
    acting_as(UINT context, TX_THREAD* thread);
    ~acting_as();
    acting_as(const acting_as&) = delete;
    acting_as& operator=(const acting_as&) = delete;

    /// Takes a role for good, and gives it back: for a Linux thread that attaches itself.
    static void for_good(UINT context, TX_THREAD* thread);
    static void back_to_foreign();

  private:
    UINT context_before_;
    bool foreign_before_;
    TX_THREAD* thread_before_;
};

} // namespace postrider::hosted
