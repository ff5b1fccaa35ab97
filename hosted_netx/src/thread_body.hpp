// The Linux side of a TX_THREAD. It outlives the control block: an application may delete a terminated thread
// while its Linux thread is still on the way to its next checkpoint.
#pragma once

#include "kernel.hpp"

#include <csetjmp>
#include <pthread.h>

namespace postrider::hosted {

struct thread_body {
    // All but beginning are guarded by the kernel's lock.
    TX_THREAD* control = nullptr; // null once deleted
    bool attached = false;        // a Linux thread of the application's, not ours
    bool started = false;
    bool terminated = false;
    bool suspend_requested = false;
    bool wait_aborted = false;
    bool finished = false; // will not touch anything of ours again
    pthread_t handle{};
    std::jmp_buf beginning{};
    std::shared_ptr<thread_body> itself; // what the control block holds

    static thread_body* of(const TX_THREAD* thread) {
        return thread != nullptr ? static_cast<thread_body*>(thread->tx_thread_hosted) : nullptr;
    }

    /// The calling thread's own, valid even when its control block is deleted.
    static thread_body* running();

    [[noreturn]] void leave();
};

} // namespace postrider::hosted
