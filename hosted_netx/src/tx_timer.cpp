// Timers. One Linux thread runs all call-backs, one after the other, as ThreadX's timer thread does; in them
// services for threads are refused. It starts with the first timer and ends with the kernel or the process.
#include "kernel.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace postrider::hosted {

namespace {

constexpr ULONG timer_id = 0x4154494D;

// Guarded by the kernel's lock, except that the thread is joined without it.
struct timer_thread {
    std::thread runner;
    bool stop = false;
    ~timer_thread() { stop_timers(); }
};

timer_thread& timers() {
    static timer_thread instance;
    return instance;
}

TX_THREAD timer_control{}; // what tx_thread_identify tells in a call-back

TX_TIMER* next_due() {
    TX_TIMER* first = nullptr;
    for (auto* timer = kernel().timers; timer != nullptr; timer = timer->tx_timer_created_next) {
        if (timer->tx_timer_active != TX_FALSE &&
            (first == nullptr || timer->tx_timer_due < first->tx_timer_due))
            first = timer;
    }
    return first;
}

void arm(TX_TIMER& timer, ULONG ticks) {
    timer.tx_timer_active = TX_TRUE;
    // The tick that is running does not count as one of them.
    timer.tx_timer_due = static_cast<ULONG64>(ticks_now(kernel())) + ticks + 1;
}

void expire(guard& held, TX_TIMER& timer) {
    auto* const expired = timer.tx_timer_expiration;
    const ULONG input = timer.tx_timer_expiration_input;
    timer.tx_timer_active = timer.tx_timer_reschedule_ticks != 0 ? TX_TRUE : TX_FALSE;
    timer.tx_timer_remaining_ticks = timer.tx_timer_reschedule_ticks;
    timer.tx_timer_due += timer.tx_timer_reschedule_ticks;
    held.unlock();
    expired(input);
    held.lock();
}

void run_timers() {
    const acting_as role(TX_HOSTED_TIMER, &timer_control);
    auto& k = kernel();
    guard held(k.mutex);
    while (!timers().stop) {
        auto* timer = next_due();
        if (timer == nullptr) {
            k.changed.wait(held);
            continue;
        }
        const double missing = static_cast<double>(timer->tx_timer_due) - ticks_now(k);
        if (missing <= 0)
            expire(held, *timer);
        else
            k.changed.wait_for(held, std::chrono::duration<double>(
                                         std::min(missing, 1e6) /
                                         (static_cast<double>(TX_TIMER_TICKS_PER_SECOND) * k.scale)));
    }
}

void ensure_running() {
    auto& t = timers();
    if (!t.runner.joinable()) {
        t.stop = false;
        t.runner = std::thread(run_timers);
    }
}

ULONG remaining(const TX_TIMER& timer) {
    if (timer.tx_timer_active == TX_FALSE)
        return timer.tx_timer_remaining_ticks;
    const double left = static_cast<double>(timer.tx_timer_due) - ticks_now(kernel());
    return left > 0 ? static_cast<ULONG>(left) : 0;
}

template <class Change>
UINT with_timer(TX_TIMER* timer, Change change) {
    const guard held(kernel().mutex);
    if (timer == nullptr || timer->tx_timer_id != timer_id)
        return TX_TIMER_ERROR;
    const UINT status = change();
    kernel().changed.notify_all();
    return status;
}

} // namespace

void stop_timers() {
    std::thread runner;
    {
        const guard held(kernel().mutex);
        timers().stop = true;
        kernel().timers = nullptr;
        kernel().changed.notify_all();
        runner.swap(timers().runner);
    }
    if (runner.joinable())
        runner.join();
}

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

UINT tx_timer_create(TX_TIMER* timer_ptr, CHAR* name_ptr, VOID (*expiration_function)(ULONG),
                     ULONG expiration_input, ULONG initial_ticks, ULONG reschedule_ticks,
                     UINT auto_activate) {
    if (timer_ptr == nullptr || expiration_function == nullptr)
        return TX_TIMER_ERROR;
    if (initial_ticks == 0)
        return TX_TICK_ERROR;
    if (auto_activate > TX_AUTO_ACTIVATE)
        return TX_ACTIVATE_ERROR;
    if (context() == TX_HOSTED_INTERRUPT)
        return TX_CALLER_ERROR;
    const guard held(kernel().mutex);
    if (linked(kernel().timers, timer_ptr, &TX_TIMER::tx_timer_created_next))
        return TX_TIMER_ERROR;
    *timer_ptr = {};
    timer_ptr->tx_timer_id = timer_id;
    timer_ptr->tx_timer_name = name_ptr;
    timer_ptr->tx_timer_expiration = expiration_function;
    timer_ptr->tx_timer_expiration_input = expiration_input;
    timer_ptr->tx_timer_remaining_ticks = initial_ticks;
    timer_ptr->tx_timer_reschedule_ticks = reschedule_ticks;
    link(kernel().timers, timer_ptr, &TX_TIMER::tx_timer_created_next);
    if (auto_activate == TX_AUTO_ACTIVATE)
        arm(*timer_ptr, initial_ticks);
    ensure_running();
    kernel().changed.notify_all();
    return TX_SUCCESS;
}

UINT tx_timer_activate(TX_TIMER* timer_ptr) {
    return with_timer(timer_ptr, [&]() -> UINT {
        if (timer_ptr->tx_timer_active != TX_FALSE || timer_ptr->tx_timer_remaining_ticks == 0)
            return TX_ACTIVATE_ERROR;
        arm(*timer_ptr, timer_ptr->tx_timer_remaining_ticks);
        return TX_SUCCESS;
    });
}

UINT tx_timer_change(TX_TIMER* timer_ptr, ULONG initial_ticks, ULONG reschedule_ticks) {
    if (initial_ticks == 0)
        return TX_TICK_ERROR;
    return with_timer(timer_ptr, [&]() -> UINT {
        // An active timer keeps running on its old terms.
        if (timer_ptr->tx_timer_active == TX_FALSE) {
            timer_ptr->tx_timer_remaining_ticks = initial_ticks;
            timer_ptr->tx_timer_reschedule_ticks = reschedule_ticks;
        }
        return TX_SUCCESS;
    });
}

UINT tx_timer_deactivate(TX_TIMER* timer_ptr) {
    return with_timer(timer_ptr, [&]() -> UINT {
        timer_ptr->tx_timer_remaining_ticks = remaining(*timer_ptr);
        timer_ptr->tx_timer_active = TX_FALSE;
        return TX_SUCCESS;
    });
}

UINT tx_timer_delete(TX_TIMER* timer_ptr) {
    return with_timer(timer_ptr, [&]() -> UINT {
        unlink(kernel().timers, timer_ptr, &TX_TIMER::tx_timer_created_next);
        timer_ptr->tx_timer_id = 0;
        return TX_SUCCESS;
    });
}

UINT tx_timer_info_get(TX_TIMER* timer_ptr, CHAR** name, UINT* active, ULONG* remaining_ticks,
                       ULONG* reschedule_ticks, TX_TIMER** next_timer) {
    return with_timer(timer_ptr, [&]() -> UINT {
        store(name, timer_ptr->tx_timer_name);
        store(active, timer_ptr->tx_timer_active);
        store(remaining_ticks, remaining(*timer_ptr));
        store(reschedule_ticks, timer_ptr->tx_timer_reschedule_ticks);
        store(next_timer, timer_ptr->tx_timer_created_next);
        return TX_SUCCESS;
    });
}

} // extern "C"
