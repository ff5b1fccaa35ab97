#include "kernel.hpp"

#include "thread_body.hpp"

#include <algorithm>
#include <utility>

namespace postrider::hosted {

namespace {

struct caller {
    bool foreign = true; // not made by ThreadX: what it counts as depends on the kernel's phase
    UINT context = TX_HOSTED_INITIALISATION;
    TX_THREAD* thread = nullptr;
};

thread_local caller calling;

// Beyond this a wait is forever for all purposes, and the clock's arithmetic stays in range.
constexpr double longest_wait_seconds = 1e8;

} // namespace

kernel_state& kernel() {
    // Never destroyed: threads of ours may still be parked in it when the process ends.
    static auto* state = new kernel_state;
    return *state;
}

double ticks_now(const kernel_state& k) {
    const std::chrono::duration<double> passed = clock::now() - k.time_base;
    return k.tick_base + passed.count() * static_cast<double>(TX_TIMER_TICKS_PER_SECOND) * k.scale;
}

clock::duration tick_length(const kernel_state& k) {
    return std::chrono::nanoseconds(1'000'000'000 /
                                    (static_cast<std::int64_t>(TX_TIMER_TICKS_PER_SECOND) * k.scale));
}

clock::time_point deadline(const kernel_state& k, ULONG ticks) {
    const double seconds = ticks / (static_cast<double>(TX_TIMER_TICKS_PER_SECOND) * k.scale);
    return clock::now() + std::chrono::duration_cast<clock::duration>(
                              std::chrono::duration<double>(std::min(seconds, longest_wait_seconds)));
}

UINT context() {
    if (!calling.foreign)
        return calling.context;
    const guard held(kernel().mutex);
    return kernel().now == phase::running ? TX_HOSTED_INTERRUPT : TX_HOSTED_INITIALISATION;
}

bool may_wait(ULONG wait_option) {
    return wait_option == TX_NO_WAIT || context() == TX_HOSTED_THREAD;
}

TX_THREAD* current_thread() {
    return calling.thread;
}

acting_as::acting_as(UINT context, TX_THREAD* thread)
    : context_before_(calling.context), foreign_before_(calling.foreign), thread_before_(calling.thread) {
    calling = {false, context, thread};
}

void acting_as::for_good(UINT context, TX_THREAD* thread) {
    calling = {false, context, thread};
}

void acting_as::back_to_foreign() {
    calling = {};
}

acting_as::~acting_as() {
    calling = {foreign_before_, context_before_, thread_before_};
}

bool wait_broken() {
    auto* body = thread_body::running();
    if (body == nullptr)
        return false;
    return body->terminated || std::exchange(body->wait_aborted, false);
}

void set_waiting_state(UINT state) {
    const auto* body = thread_body::running();
    if (body != nullptr && !body->terminated)
        body->control->tx_thread_state = state;
}

void checkpoint() {
    if (calling.thread == nullptr || calling.context != TX_HOSTED_THREAD)
        return;
    auto* body = thread_body::running();
    if (body == nullptr)
        return;
    bool leave = false;
    {
        guard held(kernel().mutex);
        if (body->suspend_requested && !body->terminated) {
            calling.thread->tx_thread_state = TX_SUSPENDED;
            kernel().changed.wait(held, [&] { return !body->suspend_requested || body->terminated; });
            if (!body->terminated)
                calling.thread->tx_thread_state = TX_READY;
        }
        leave = body->terminated;
    }
    if (leave)
        body->leave();
}

UINT forced_failure(const char* name) {
    const guard held(kernel().mutex);
    auto& record = kernel().set.services[name];
    ++record.calls;
    const auto& order = record.order;
    return order.first != 0 && record.calls >= order.first && record.calls <= order.last ? order.status
                                                                                         : NX_SUCCESS;
}

void enqueue(TX_HOSTED_QUEUE& queue, waiter& self_waiter) {
    if (queue.tx_hosted_last != nullptr)
        queue.tx_hosted_last->next = &self_waiter;
    else
        queue.tx_hosted_first = &self_waiter;
    queue.tx_hosted_last = &self_waiter;
    ++queue.tx_hosted_count;
}

void dequeue(TX_HOSTED_QUEUE& queue, waiter& self_waiter) {
    waiter* before = nullptr;
    for (auto* at = queue.tx_hosted_first; at != nullptr; before = at, at = at->next) {
        if (at != &self_waiter)
            continue;
        (before != nullptr ? before->next : queue.tx_hosted_first) = at->next;
        if (queue.tx_hosted_last == at)
            queue.tx_hosted_last = before;
        --queue.tx_hosted_count;
        return;
    }
}

} // namespace postrider::hosted
