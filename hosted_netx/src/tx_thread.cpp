// Threads, the kernel's life, and the time.
#include "thread_body.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

namespace postrider::hosted {

namespace {

constexpr ULONG thread_id = 0x54485244;
constexpr std::size_t first_memory_size = std::size_t{4} << 20U;
constexpr auto patience_at_exit = std::chrono::seconds(5);

thread_local std::shared_ptr<thread_body> running_body;

bool created(const TX_THREAD* thread) {
    return linked(kernel().threads, thread, &TX_THREAD::tx_thread_created_next);
}

bool over(const TX_THREAD& thread) {
    return thread.tx_thread_state == TX_COMPLETED || thread.tx_thread_state == TX_TERMINATED;
}

// A thread that ends gives its mutexes back, so that no other waits for ever.
void release_mutexes(const TX_THREAD* thread) {
    for (auto* mutex = kernel().mutexes; mutex != nullptr; mutex = mutex->tx_mutex_created_next) {
        if (mutex->tx_mutex_owner == thread) {
            mutex->tx_mutex_owner = nullptr;
            mutex->tx_mutex_ownership_count = 0;
        }
    }
}

bool await_start(thread_body& body) {
    guard held(kernel().mutex);
    kernel().changed.wait(
        held, [&] { return body.terminated || (body.started && kernel().now != phase::initialising); });
    if (!body.terminated)
        body.control->tx_thread_run_count = 1;
    return !body.terminated;
}

void run_entry(thread_body& body) {
    TX_THREAD* const control = body.control;
    const acting_as role(TX_HOSTED_THREAD, control);
    // NOLINTNEXTLINE(cert-err52-cpp): throwing the stack away is what termination means, see kernel.hpp
    if (setjmp(body.beginning) == 0)
        control->tx_thread_entry(control->tx_thread_entry_parameter);
}

void finish(thread_body& body) {
    const guard held(kernel().mutex);
    if (body.control != nullptr) {
        if (!body.terminated)
            body.control->tx_thread_state = TX_COMPLETED;
        release_mutexes(body.control);
    }
    body.finished = true;
    kernel().changed.notify_all();
}

void* thread_main(void* argument) {
    {
        std::unique_ptr<std::shared_ptr<thread_body>> handed(
            static_cast<std::shared_ptr<thread_body>*>(argument));
        running_body = *handed;
    }
    auto& body = *running_body;
    if (await_start(body))
        run_entry(body);
    finish(body);
    running_body.reset();
    return nullptr;
}

void terminate(thread_body& body) {
    body.terminated = true;
    if (!over(*body.control))
        body.control->tx_thread_state = TX_TERMINATED;
}

// Gives the Linux thread of a thread that is over up: joined when it has left, else on its own.
void give_up(guard& held, const std::shared_ptr<thread_body>& body) {
    body->control->tx_thread_hosted = nullptr;
    body->control = nullptr;
    const bool left = body->finished;
    body->itself.reset();
    held.unlock();
    if (left)
        pthread_join(body->handle, nullptr);
    else
        pthread_detach(body->handle);
    held.lock();
}

void end_threads(guard& held) {
    auto& k = kernel();
    for (auto* thread = k.threads; thread != nullptr; thread = thread->tx_thread_created_next) {
        auto* body = thread_body::of(thread);
        if (!body->attached)
            terminate(*body);
    }
    k.changed.notify_all();
    while (k.threads != nullptr) {
        auto* thread = k.threads;
        unlink(k.threads, thread, &TX_THREAD::tx_thread_created_next);
        thread->tx_thread_id = 0;
        auto body = thread_body::of(thread)->itself;
        if (body->attached)
            continue;
        if (!k.changed.wait_for(held, patience_at_exit, [&] { return body->finished; }))
            std::fprintf(stderr,
                         "hosted ThreadX: thread \"%s\" is still running after the kernel was left; it stops "
                         "at its next ThreadX or NetX call\n",
                         thread->tx_thread_name != nullptr ? thread->tx_thread_name : "");
        give_up(held, body);
    }
}

void forget_objects() {
    auto& k = kernel();
    k.mutexes = nullptr;
    k.semaphores = nullptr;
    k.groups = nullptr;
    k.queues = nullptr;
    k.block_pools = nullptr;
    k.now = phase::idle;
    k.exit_requested = false;
}

void leave_kernel() {
    {
        guard held(kernel().mutex);
        end_threads(held);
    }
    stop_timers();
    stop_tls();
    stop_ips();
    drop_byte_pools();
    drop_packet_pools();
    const guard held(kernel().mutex);
    forget_objects();
}

bool all_over() {
    for (const auto* thread = kernel().threads; thread != nullptr; thread = thread->tx_thread_created_next) {
        if (!over(*thread) && !thread_body::of(thread)->attached)
            return false;
    }
    return true;
}

UINT check_new(const TX_THREAD* thread, void (*entry)(ULONG), const void* stack, ULONG size, UINT priority,
               UINT threshold, UINT auto_start) {
    if (thread == nullptr)
        return TX_THREAD_ERROR;
    if (entry == nullptr || stack == nullptr)
        return TX_PTR_ERROR;
    if (size < TX_MINIMUM_STACK)
        return TX_SIZE_ERROR;
    if (priority >= TX_MAX_PRIORITIES)
        return TX_PRIORITY_ERROR;
    if (threshold > priority)
        return TX_THRESH_ERROR;
    if (auto_start > TX_AUTO_START)
        return TX_START_ERROR;
    return TX_SUCCESS;
}

UINT start_linux_thread(const std::shared_ptr<thread_body>& body) {
    auto handed = std::make_unique<std::shared_ptr<thread_body>>(body);
    if (pthread_create(&body->handle, nullptr, thread_main, handed.get()) != 0)
        return TX_START_ERROR;
    (void)handed.release(); // the thread's now
    return TX_SUCCESS;
}

void fill(TX_THREAD& thread, CHAR* name, void (*entry)(ULONG), ULONG input, UINT priority) {
    thread = {};
    thread.tx_thread_id = thread_id;
    thread.tx_thread_name = name;
    thread.tx_thread_entry = entry;
    thread.tx_thread_entry_parameter = input;
    thread.tx_thread_priority = priority;
    thread.tx_thread_preempt_threshold = priority;
}

// Runs change() on a created thread, under the lock, and wakes everybody.
template <class Change>
UINT with_thread(const TX_THREAD* thread, Change change) {
    guard held(kernel().mutex);
    if (!created(thread))
        return TX_THREAD_ERROR;
    const UINT status = change(held);
    kernel().changed.notify_all();
    return status;
}

bool may_change_threads() {
    return context() != TX_HOSTED_INTERRUPT;
}

} // namespace

thread_body* thread_body::running() {
    return running_body.get();
}

void thread_body::leave() {
    std::longjmp(beginning, 1);
}

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

UINT _tx_hosted_context(void) {
    return context();
}

UINT _tx_hosted_interrupt_control(UINT new_posture) {
    static std::recursive_mutex interrupts;
    thread_local UINT depth = 0;
    const UINT before = depth > 0 ? TX_INT_DISABLE : TX_INT_ENABLE;
    if (new_posture == TX_INT_DISABLE) {
        interrupts.lock();
        ++depth;
        // A nested TX_DISABLE is undone by restoring "disabled": it must not count twice.
        if (depth > 1) {
            --depth;
            interrupts.unlock();
        }
    } else if (depth > 0) {
        --depth;
        interrupts.unlock();
    }
    return before;
}

UINT tx_interrupt_control(UINT new_posture) {
    return _tx_hosted_interrupt_control(new_posture);
}

VOID tx_kernel_enter(VOID) {
    static std::array<std::max_align_t, first_memory_size / sizeof(std::max_align_t)> first_memory;
    auto& k = kernel();
    {
        const guard held(k.mutex);
        if (k.now != phase::idle) {
            std::fprintf(stderr,
                         "hosted ThreadX: tx_kernel_enter called while the kernel runs; leave it first with "
                         "tx_hosted_exit\n");
            std::terminate();
        }
        k.now = phase::initialising;
        k.time_base = clock::now();
        k.tick_base = 0;
    }
    {
        const acting_as role(TX_HOSTED_INITIALISATION, nullptr);
        tx_application_define(first_memory.data());
    }
    {
        guard held(k.mutex);
        k.now = phase::running;
        k.changed.notify_all();
        k.changed.wait(held, [&] { return k.exit_requested || all_over(); });
    }
    leave_kernel();
}

VOID tx_hosted_exit(VOID) {
    const guard held(kernel().mutex);
    kernel().exit_requested = true;
    kernel().changed.notify_all();
}

UINT tx_hosted_thread_attach(TX_THREAD* thread_ptr, CHAR* name_ptr) {
    if (thread_ptr == nullptr)
        return NX_PTR_ERROR;
    if (running_body != nullptr)
        return NX_ALREADY_ENABLED;
    auto body = std::make_shared<thread_body>();
    fill(*thread_ptr, name_ptr, nullptr, 0, 0);
    body->control = thread_ptr;
    body->attached = true;
    body->started = true;
    body->itself = body;
    thread_ptr->tx_thread_hosted = body.get();
    running_body = body;
    acting_as::for_good(TX_HOSTED_THREAD, thread_ptr);
    const guard held(kernel().mutex);
    link(kernel().threads, thread_ptr, &TX_THREAD::tx_thread_created_next);
    return NX_SUCCESS;
}

UINT tx_hosted_thread_detach(TX_THREAD* thread_ptr) {
    if (running_body == nullptr || running_body->control != thread_ptr || !running_body->attached)
        return NX_PTR_ERROR;
    {
        const guard held(kernel().mutex);
        unlink(kernel().threads, thread_ptr, &TX_THREAD::tx_thread_created_next);
        release_mutexes(thread_ptr);
        thread_ptr->tx_thread_id = 0;
        thread_ptr->tx_thread_hosted = nullptr;
    }
    running_body->itself.reset();
    running_body.reset();
    acting_as::back_to_foreign();
    return NX_SUCCESS;
}

VOID tx_hosted_call_as(UINT context, VOID (*function)(VOID*), VOID* input) {
    const acting_as role(context, context == TX_HOSTED_THREAD ? current_thread() : nullptr);
    function(input);
}

UINT tx_thread_create(TX_THREAD* thread_ptr, CHAR* name_ptr, VOID (*entry_function)(ULONG), ULONG entry_input,
                      VOID* stack_start, ULONG stack_size, UINT priority, UINT preempt_threshold,
                      ULONG time_slice, UINT auto_start) {
    checkpoint();
    if (const UINT wrong = check_new(thread_ptr, entry_function, stack_start, stack_size, priority,
                                     preempt_threshold, auto_start);
        wrong != TX_SUCCESS)
        return wrong;
    if (context() >= TX_HOSTED_TIMER)
        return TX_CALLER_ERROR;
    const guard held(kernel().mutex);
    if (created(thread_ptr))
        return TX_THREAD_ERROR;
    auto body = std::make_shared<thread_body>();
    fill(*thread_ptr, name_ptr, entry_function, entry_input, priority);
    thread_ptr->tx_thread_stack_start = stack_start;
    thread_ptr->tx_thread_stack_size = stack_size;
    thread_ptr->tx_thread_preempt_threshold = preempt_threshold;
    thread_ptr->tx_thread_time_slice = time_slice;
    thread_ptr->tx_thread_state = auto_start == TX_AUTO_START ? TX_READY : TX_SUSPENDED;
    thread_ptr->tx_thread_hosted = body.get();
    body->control = thread_ptr;
    body->started = auto_start == TX_AUTO_START;
    body->itself = body;
    const UINT status = start_linux_thread(body);
    if (status != TX_SUCCESS) {
        body->itself.reset();
        *thread_ptr = {};
        return status;
    }
    link(kernel().threads, thread_ptr, &TX_THREAD::tx_thread_created_next);
    return TX_SUCCESS;
}

UINT tx_thread_delete(TX_THREAD* thread_ptr) {
    checkpoint();
    if (!may_change_threads())
        return TX_CALLER_ERROR;
    return with_thread(thread_ptr, [&](guard& held) -> UINT {
        if (!over(*thread_ptr))
            return TX_DELETE_ERROR;
        unlink(kernel().threads, thread_ptr, &TX_THREAD::tx_thread_created_next);
        thread_ptr->tx_thread_id = 0;
        const auto body = thread_body::of(thread_ptr)->itself; // kept alive while it is given up
        give_up(held, body);
        return TX_SUCCESS;
    });
}

TX_THREAD* tx_thread_identify(VOID) {
    checkpoint();
    return current_thread();
}

UINT tx_thread_info_get(TX_THREAD* thread_ptr, CHAR** name, UINT* state, ULONG* run_count, UINT* priority,
                        UINT* preemption_threshold, ULONG* time_slice, TX_THREAD** next_thread,
                        TX_THREAD** next_suspended_thread) {
    return with_thread(thread_ptr, [&](guard& /*held*/) -> UINT {
        store(name, thread_ptr->tx_thread_name);
        store(state, thread_ptr->tx_thread_state);
        store(run_count, thread_ptr->tx_thread_run_count);
        store(priority, thread_ptr->tx_thread_priority);
        store(preemption_threshold, thread_ptr->tx_thread_preempt_threshold);
        store(time_slice, thread_ptr->tx_thread_time_slice);
        auto* next = thread_ptr->tx_thread_created_next;
        store(next_thread, next != nullptr ? next : kernel().threads);
        store(next_suspended_thread, static_cast<TX_THREAD*>(nullptr));
        return TX_SUCCESS;
    });
}

UINT tx_thread_preemption_change(TX_THREAD* thread_ptr, UINT new_threshold, UINT* old_threshold) {
    if (old_threshold == nullptr)
        return TX_PTR_ERROR;
    return with_thread(thread_ptr, [&](guard& /*held*/) -> UINT {
        if (new_threshold > thread_ptr->tx_thread_priority)
            return TX_THRESH_ERROR;
        *old_threshold = std::exchange(thread_ptr->tx_thread_preempt_threshold, new_threshold);
        return TX_SUCCESS;
    });
}

UINT tx_thread_priority_change(TX_THREAD* thread_ptr, UINT new_priority, UINT* old_priority) {
    if (old_priority == nullptr)
        return TX_PTR_ERROR;
    if (new_priority >= TX_MAX_PRIORITIES)
        return TX_PRIORITY_ERROR;
    return with_thread(thread_ptr, [&](guard& /*held*/) -> UINT {
        *old_priority = std::exchange(thread_ptr->tx_thread_priority, new_priority);
        thread_ptr->tx_thread_preempt_threshold = new_priority;
        return TX_SUCCESS;
    });
}

VOID tx_thread_relinquish(VOID) {
    checkpoint();
    sched_yield();
}

UINT tx_thread_resume(TX_THREAD* thread_ptr) {
    checkpoint();
    return with_thread(thread_ptr, [&](guard& /*held*/) -> UINT {
        auto* body = thread_body::of(thread_ptr);
        if (over(*thread_ptr) || (body->started && !body->suspend_requested))
            return TX_RESUME_ERROR;
        // Lifted before the thread came to stop at all.
        const bool stopped = !body->started || thread_ptr->tx_thread_state == TX_SUSPENDED;
        body->started = true;
        body->suspend_requested = false;
        if (stopped)
            thread_ptr->tx_thread_state = TX_READY;
        return stopped ? TX_SUCCESS : TX_SUSPEND_LIFTED;
    });
}

UINT tx_thread_sleep(ULONG timer_ticks) {
    checkpoint();
    if (context() != TX_HOSTED_THREAD)
        return TX_CALLER_ERROR;
    auto result = wake::timed_out;
    if (timer_ticks != TX_NO_WAIT) {
        guard held(kernel().mutex);
        result = wait_until_ready(held, timer_ticks, TX_SLEEP, [] { return false; });
    }
    checkpoint();
    return result == wake::aborted ? TX_WAIT_ABORTED : TX_SUCCESS;
}

UINT tx_thread_suspend(TX_THREAD* thread_ptr) {
    checkpoint();
    const UINT status = with_thread(thread_ptr, [&](guard& /*held*/) -> UINT {
        if (over(*thread_ptr))
            return TX_SUSPEND_ERROR;
        auto* body = thread_body::of(thread_ptr);
        if (!body->started)
            return TX_SUCCESS;
        body->suspend_requested = true;
        return TX_SUCCESS;
    });
    checkpoint(); // where a thread that suspends itself stops
    return status;
}

UINT tx_thread_terminate(TX_THREAD* thread_ptr) {
    checkpoint();
    if (!may_change_threads())
        return TX_CALLER_ERROR;
    const UINT status = with_thread(thread_ptr, [&](guard& /*held*/) -> UINT {
        auto* body = thread_body::of(thread_ptr);
        if (body->attached)
            return TX_THREAD_ERROR;
        terminate(*body);
        return TX_SUCCESS;
    });
    checkpoint();
    return status;
}

UINT tx_thread_time_slice_change(TX_THREAD* thread_ptr, ULONG new_time_slice, ULONG* old_time_slice) {
    if (old_time_slice == nullptr)
        return TX_PTR_ERROR;
    return with_thread(thread_ptr, [&](guard& /*held*/) -> UINT {
        *old_time_slice = std::exchange(thread_ptr->tx_thread_time_slice, new_time_slice);
        return TX_SUCCESS;
    });
}

UINT tx_thread_wait_abort(TX_THREAD* thread_ptr) {
    checkpoint();
    return with_thread(thread_ptr, [&](guard& /*held*/) -> UINT {
        const UINT state = thread_ptr->tx_thread_state;
        if (state <= TX_SUSPENDED)
            return TX_WAIT_ABORT_ERROR;
        thread_body::of(thread_ptr)->wait_aborted = true;
        return TX_SUCCESS;
    });
}

ULONG tx_time_get(VOID) {
    checkpoint();
    const guard held(kernel().mutex);
    // As on a device the count wraps.
    return static_cast<ULONG>(static_cast<std::uint64_t>(ticks_now(kernel())));
}

VOID tx_time_set(ULONG new_time) {
    const guard held(kernel().mutex);
    kernel().time_base = clock::now();
    kernel().tick_base = new_time;
    kernel().changed.notify_all();
}

} // extern "C"
