#include "nx_hosted.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace {

CHAR* name(const char* text) {
    return const_cast<CHAR*>(text);
}

// What tx_application_define does in each test, and what it was given.
void (*define)() = nullptr;
void* first_memory = nullptr;

std::atomic<int> steps{0};
TX_THREAD first{};
TX_THREAD second{};
ULONG first_stack[256];
ULONG second_stack[256];
TX_SEMAPHORE semaphore{};
TX_MUTEX mutex{};
TX_EVENT_FLAGS_GROUP flags{};
TX_TIMER timer{};
int shared = 0; // guarded by mutex

UINT start(TX_THREAD& thread, ULONG* stack, void (*entry)(ULONG), ULONG input = 0,
           UINT when = TX_AUTO_START) {
    return tx_thread_create(&thread, name("thread"), entry, input, stack, sizeof first_stack, 4, 4,
                            TX_NO_TIME_SLICE, when);
}

void run(void (*application)()) {
    steps = 0;
    shared = 0;
    define = application;
    tx_kernel_enter();
}

TEST(threadx, the_kernel_returns_when_every_thread_is_over) {
    run([] {
        EXPECT_NE(first_memory, nullptr);
        EXPECT_EQ(_tx_hosted_context(), UINT{TX_HOSTED_INITIALISATION});
        EXPECT_EQ(start(
                      first, first_stack,
                      [](ULONG input) {
                          EXPECT_EQ(input, 7U);
                          EXPECT_EQ(tx_thread_identify(), &first);
                          ++steps;
                      },
                      7),
                  TX_SUCCESS);
    });
    EXPECT_EQ(steps, 1);
}

TEST(threadx, the_kernel_is_left_while_threads_wait) {
    run([] {
        tx_semaphore_create(&semaphore, name("never"), 0);
        start(first, first_stack, [](ULONG) {
            tx_semaphore_get(&semaphore, TX_WAIT_FOREVER);
            ADD_FAILURE() << "a terminated thread must not come back";
        });
        start(second, second_stack, [](ULONG) {
            ++steps;
            tx_hosted_exit();
        });
    });
    EXPECT_EQ(steps, 1);
}

TEST(threadx, a_thread_waits_for_resume_and_suspends_itself) {
    run([] {
        EXPECT_EQ(start(
                      first, first_stack,
                      [](ULONG) {
                          ++steps;
                          tx_thread_suspend(tx_thread_identify());
                          ++steps;
                      },
                      0, TX_DONT_START),
                  TX_SUCCESS);
        start(second, second_stack, [](ULONG) {
            tx_thread_sleep(2);
            EXPECT_EQ(steps, 0);
            EXPECT_EQ(tx_thread_resume(&first), TX_SUCCESS);
            UINT state = TX_READY;
            while (state != TX_SUSPENDED || steps != 1) {
                tx_thread_info_get(&first, NX_NULL, &state, NX_NULL, NX_NULL, NX_NULL, NX_NULL, NX_NULL,
                                   NX_NULL);
                tx_thread_sleep(1);
            }
            EXPECT_EQ(tx_thread_resume(&first), TX_SUCCESS);
        });
    });
    EXPECT_EQ(steps, 2);
}

TEST(threadx, a_terminated_thread_stops_and_can_be_deleted) {
    run([] {
        tx_mutex_create(&mutex, name("m"), TX_NO_INHERIT);
        start(first, first_stack, [](ULONG) {
            tx_mutex_get(&mutex, TX_WAIT_FOREVER);
            ++steps;
            while (true)
                tx_thread_sleep(1);
        });
        start(second, second_stack, [](ULONG) {
            while (steps == 0)
                tx_thread_sleep(1);
            EXPECT_EQ(tx_thread_delete(&first), TX_DELETE_ERROR);
            EXPECT_EQ(tx_thread_terminate(&first), TX_SUCCESS);
            EXPECT_EQ(tx_mutex_get(&mutex, 500), TX_SUCCESS) << "the dead thread's mutex is given back";
            EXPECT_EQ(tx_thread_delete(&first), TX_SUCCESS);
            EXPECT_EQ(tx_thread_delete(&first), TX_THREAD_ERROR);
        });
    });
    EXPECT_EQ(steps, 1);
}

TEST(threadx, mutexes_exclude_and_nest) {
    run([] {
        tx_mutex_create(&mutex, name("m"), TX_INHERIT);
        const auto add = [](ULONG) {
            for (int i = 0; i < 200; ++i) {
                ASSERT_EQ(tx_mutex_get(&mutex, TX_WAIT_FOREVER), TX_SUCCESS);
                ASSERT_EQ(tx_mutex_get(&mutex, TX_NO_WAIT), TX_SUCCESS);
                ++shared;
                tx_mutex_put(&mutex);
                tx_mutex_put(&mutex);
            }
            EXPECT_EQ(tx_mutex_put(&mutex), TX_NOT_OWNED);
        };
        start(first, first_stack, add);
        start(second, second_stack, add);
    });
    EXPECT_EQ(shared, 400);
}

TEST(threadx, waits_end_after_their_ticks) {
    nx_hosted_tick_scale(10);
    run([] {
        tx_semaphore_create(&semaphore, name("s"), 1);
        tx_event_flags_create(&flags, name("f"));
        start(first, first_stack, [](ULONG) {
            EXPECT_EQ(tx_semaphore_get(&semaphore, TX_NO_WAIT), TX_SUCCESS);
            EXPECT_EQ(tx_semaphore_get(&semaphore, TX_NO_WAIT), TX_NO_INSTANCE);
            const ULONG before = tx_time_get();
            EXPECT_EQ(tx_semaphore_get(&semaphore, 20), TX_NO_INSTANCE);
            EXPECT_GE(tx_time_get() - before, 19U);
            ULONG got = 0;
            EXPECT_EQ(tx_event_flags_get(&flags, 1, TX_OR, &got, 5), TX_NO_EVENTS);
            tx_event_flags_set(&flags, 6, TX_OR);
            EXPECT_EQ(tx_event_flags_get(&flags, 3, TX_OR_CLEAR, &got, 5), TX_SUCCESS);
            EXPECT_EQ(got, 6U);
            EXPECT_EQ(tx_event_flags_get(&flags, 6, TX_AND, &got, TX_NO_WAIT), TX_NO_EVENTS);
        });
    });
    nx_hosted_reset();
}

TEST(threadx, a_deleted_object_wakes_its_waiters) {
    run([] {
        tx_semaphore_create(&semaphore, name("s"), 0);
        start(first, first_stack, [](ULONG) {
            ++steps;
            EXPECT_EQ(tx_semaphore_get(&semaphore, TX_WAIT_FOREVER), TX_DELETED);
            ++steps;
        });
        start(second, second_stack, [](ULONG) {
            ULONG waiting = 0;
            while (waiting == 0) {
                tx_semaphore_info_get(&semaphore, NX_NULL, NX_NULL, NX_NULL, &waiting, NX_NULL);
                tx_thread_sleep(1);
            }
            EXPECT_EQ(tx_semaphore_delete(&semaphore), TX_SUCCESS);
        });
    });
    EXPECT_EQ(steps, 2);
}

TEST(threadx, timers_fire_and_are_not_threads) {
    run([] {
        tx_semaphore_create(&semaphore, name("s"), 0);
        EXPECT_EQ(tx_timer_create(
                      &timer, name("t"),
                      [](ULONG input) {
                          EXPECT_EQ(input, 3U);
                          EXPECT_EQ(_tx_hosted_context(), UINT{TX_HOSTED_TIMER});
                          EXPECT_EQ(tx_semaphore_get(&semaphore, 10), TX_WAIT_ERROR);
                          tx_semaphore_put(&semaphore);
                      },
                      3, 2, 1, TX_AUTO_ACTIVATE),
                  TX_SUCCESS);
        start(first, first_stack, [](ULONG) {
            for (int i = 0; i < 3; ++i)
                EXPECT_EQ(tx_semaphore_get(&semaphore, 500), TX_SUCCESS);
            EXPECT_EQ(tx_timer_deactivate(&timer), TX_SUCCESS);
            EXPECT_EQ(tx_timer_delete(&timer), TX_SUCCESS);
        });
    });
}

TEST(threadx, queues_keep_order_and_bounds) {
    static TX_QUEUE queue{};
    static ULONG storage[4];
    run([] {
        ASSERT_EQ(tx_queue_create(&queue, name("q"), TX_2_ULONG, storage, sizeof storage), TX_SUCCESS);
        start(first, first_stack, [](ULONG) {
            ULONG message[2] = {1, 2};
            EXPECT_EQ(tx_queue_send(&queue, message, TX_NO_WAIT), TX_SUCCESS);
            message[0] = 3;
            EXPECT_EQ(tx_queue_front_send(&queue, message, TX_NO_WAIT), TX_SUCCESS);
            EXPECT_EQ(tx_queue_send(&queue, message, TX_NO_WAIT), TX_QUEUE_FULL);
            ULONG got[2] = {};
            EXPECT_EQ(tx_queue_receive(&queue, got, TX_NO_WAIT), TX_SUCCESS);
            EXPECT_EQ(got[0], 3U);
            EXPECT_EQ(tx_queue_receive(&queue, got, TX_NO_WAIT), TX_SUCCESS);
            EXPECT_EQ(got[0], 1U);
            EXPECT_EQ(tx_queue_receive(&queue, got, TX_NO_WAIT), TX_QUEUE_EMPTY);
        });
    });
}

TEST(threadx, memory_pools_keep_to_their_budget) {
    static TX_BYTE_POOL bytes{};
    static TX_BLOCK_POOL blocks{};
    static ULONG64 memory[64];
    static ULONG64 block_memory[16];
    run([] {
        ASSERT_EQ(tx_byte_pool_create(&bytes, name("b"), memory, sizeof memory), TX_SUCCESS);
        ASSERT_EQ(tx_block_pool_create(&blocks, name("k"), 24, block_memory, sizeof block_memory),
                  TX_SUCCESS);
        start(first, first_stack, [](ULONG) {
            void* one = nullptr;
            void* two = nullptr;
            EXPECT_EQ(tx_byte_allocate(&bytes, &one, 400, TX_NO_WAIT), TX_SUCCESS);
            EXPECT_EQ(tx_byte_allocate(&bytes, &two, 400, TX_NO_WAIT), TX_NO_MEMORY);
            EXPECT_EQ(tx_byte_release(one), TX_SUCCESS);
            EXPECT_EQ(tx_byte_allocate(&bytes, &two, 400, TX_NO_WAIT), TX_SUCCESS);
            void* block[4] = {};
            for (auto& each : block)
                EXPECT_EQ(tx_block_allocate(&blocks, &each, TX_NO_WAIT), TX_SUCCESS);
            EXPECT_EQ(tx_block_allocate(&blocks, &one, TX_NO_WAIT), TX_NO_MEMORY);
            for (auto* each : block)
                EXPECT_EQ(tx_block_release(each), TX_SUCCESS);
            EXPECT_EQ(tx_block_allocate(&blocks, &one, TX_NO_WAIT), TX_SUCCESS);
        });
    });
}

TEST(threadx, wrong_arguments_have_their_codes) {
    run([] {
        const auto entry = [](ULONG) {};
        EXPECT_EQ(tx_thread_create(NX_NULL, name("t"), entry, 0, first_stack, 1024, 1, 1, 0, 1),
                  TX_THREAD_ERROR);
        EXPECT_EQ(tx_thread_create(&first, name("t"), NX_NULL, 0, first_stack, 1024, 1, 1, 0, 1),
                  TX_PTR_ERROR);
        EXPECT_EQ(tx_thread_create(&first, name("t"), entry, 0, first_stack, 10, 1, 1, 0, 1), TX_SIZE_ERROR);
        EXPECT_EQ(tx_thread_create(&first, name("t"), entry, 0, first_stack, 1024, 99, 1, 0, 1),
                  TX_PRIORITY_ERROR);
        EXPECT_EQ(tx_thread_create(&first, name("t"), entry, 0, first_stack, 1024, 1, 2, 0, 1),
                  TX_THRESH_ERROR);
        EXPECT_EQ(tx_thread_create(&first, name("t"), entry, 0, first_stack, 1024, 1, 1, 0, 9),
                  TX_START_ERROR);
        EXPECT_EQ(tx_thread_sleep(1), TX_CALLER_ERROR);
        tx_mutex_create(&mutex, name("m"), TX_NO_INHERIT);
        EXPECT_EQ(tx_mutex_get(&mutex, 1), TX_WAIT_ERROR);
        EXPECT_EQ(tx_mutex_create(&mutex, name("m"), TX_NO_INHERIT), TX_MUTEX_ERROR);
    });
}

TEST(threadx, interrupts_off_is_one_lock_that_nests) {
    const auto add = [] {
        for (int i = 0; i < 500; ++i) {
            UINT outer = tx_interrupt_control(TX_INT_DISABLE);
            UINT inner = tx_interrupt_control(TX_INT_DISABLE);
            ++shared;
            tx_interrupt_control(inner);
            ++shared;
            tx_interrupt_control(outer);
        }
    };
    shared = 0;
    std::thread other(add);
    add();
    other.join();
    EXPECT_EQ(shared, 2000);
}

TEST(threadx, time_runs_faster_at_a_scale) {
    nx_hosted_tick_scale(100);
    const ULONG before = tx_time_get();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_GE(tx_time_get() - before, 199U);
    nx_hosted_reset();
}

} // namespace

extern "C" VOID tx_application_define(VOID* first_unused_memory) {
    first_memory = first_unused_memory;
    if (define != nullptr)
        define();
}
