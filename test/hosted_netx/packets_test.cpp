#include "netx_fixture.hpp"

#include <chrono>
#include <thread>

namespace {

using test::contents;
using test::netx;
using test::pool;

std::string letters(std::size_t count) {
    std::string text(count, '\0');
    for (std::size_t i = 0; i < count; ++i)
        text[i] = static_cast<char>('a' + i % 26);
    return text;
}

UINT append(NX_PACKET* packet, const std::string& text, NX_PACKET_POOL& from, ULONG wait = NX_NO_WAIT) {
    return nx_packet_data_append(packet, const_cast<char*>(text.data()), static_cast<ULONG>(text.size()),
                                 &from, wait);
}

NX_PACKET* allocate(NX_PACKET_POOL& from, ULONG type = NX_IPv4_TCP_PACKET) {
    NX_PACKET* packet = nullptr;
    EXPECT_EQ(nx_packet_allocate(&from, &packet, type, NX_NO_WAIT), UINT{NX_SUCCESS});
    return packet;
}

TEST_F(netx, a_packet_keeps_room_for_the_headers_of_its_type) {
    for (const ULONG type :
         {ULONG{NX_IPv4_TCP_PACKET}, ULONG{NX_IPv6_TCP_PACKET}, ULONG{NX_RECEIVE_PACKET}}) {
        auto* packet = allocate(application->control, type);
        EXPECT_EQ(packet->nx_packet_prepend_ptr - packet->nx_packet_data_start,
                  static_cast<std::ptrdiff_t>(type));
        EXPECT_EQ(packet->nx_packet_append_ptr, packet->nx_packet_prepend_ptr);
        EXPECT_EQ(packet->nx_packet_data_end - packet->nx_packet_data_start, 1536);
        EXPECT_EQ(packet->nx_packet_length, 0U);
        EXPECT_EQ(nx_packet_release(packet), UINT{NX_SUCCESS});
    }
}

TEST_F(netx, a_payload_smaller_than_the_headers_is_refused) {
    pool tiny(36, 4);
    NX_PACKET* packet = nullptr;
    EXPECT_EQ(nx_packet_allocate(&tiny.control, &packet, NX_IPv4_TCP_PACKET, NX_NO_WAIT),
              UINT{NX_INVALID_PARAMETERS});
    EXPECT_EQ(tiny.stats().allocated, 0U);
}

TEST_F(netx, an_empty_pool_fails_at_once_or_after_the_wait) {
    nx_hosted_tick_scale(10);
    pool small(128, 2);
    auto* first = allocate(small.control);
    auto* second = allocate(small.control);
    NX_PACKET* third = nullptr;
    EXPECT_EQ(nx_packet_allocate(&small.control, &third, NX_IPv4_TCP_PACKET, NX_NO_WAIT), UINT{NX_NO_PACKET});
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(nx_packet_allocate(&small.control, &third, NX_IPv4_TCP_PACKET, 30), UINT{NX_NO_PACKET});
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(29));
    EXPECT_EQ(third, nullptr);
    EXPECT_EQ(small.stats().peak, 2U);
    EXPECT_EQ(small.stats().failures, 2U);
    ULONG empty_requests = 0;
    ULONG suspensions = 0;
    nx_packet_pool_info_get(&small.control, NX_NULL, NX_NULL, &empty_requests, &suspensions, NX_NULL);
    EXPECT_EQ(empty_requests, 2U);
    EXPECT_EQ(suspensions, 1U);
    nx_packet_release(first);
    nx_packet_release(second);
}

TEST_F(netx, a_waiting_allocation_gets_the_packet_that_comes_back) {
    pool small(128, 1);
    auto* only = allocate(small.control);
    std::thread giver([&] {
        TX_THREAD other{};
        tx_hosted_thread_attach(&other, test::name("giver"));
        tx_thread_sleep(2);
        nx_packet_release(only);
        tx_hosted_thread_detach(&other);
    });
    NX_PACKET* packet = nullptr;
    EXPECT_EQ(nx_packet_allocate(&small.control, &packet, NX_IPv4_TCP_PACKET, NX_WAIT_FOREVER),
              UINT{NX_SUCCESS});
    giver.join();
    ASSERT_NE(packet, nullptr);
    nx_packet_release(packet);
}

TEST_F(netx, a_dry_pool_is_empty_for_its_time_only) {
    nx_hosted_pool_dry(&application->control, 60);
    NX_PACKET* packet = nullptr;
    EXPECT_EQ(nx_packet_allocate(&application->control, &packet, NX_IPv4_TCP_PACKET, 2), UINT{NX_NO_PACKET});
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(nx_packet_allocate(&application->control, &packet, NX_IPv4_TCP_PACKET, 500), UINT{NX_SUCCESS});
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
    nx_packet_release(packet);
}

TEST_F(netx, the_nth_allocation_fails_on_order) {
    nx_hosted_pool_fail(&application->control, 2, 1);
    auto* first = allocate(application->control);
    NX_PACKET* second = nullptr;
    EXPECT_EQ(nx_packet_allocate(&application->control, &second, NX_IPv4_TCP_PACKET, 500),
              UINT{NX_NO_PACKET});
    auto* third = allocate(application->control);
    nx_packet_release(first);
    nx_packet_release(third);
    nx_hosted_pool_fail(&application->control, 1, 0);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(nx_packet_allocate(&application->control, &second, NX_IPv4_TCP_PACKET, 500),
                  UINT{NX_NO_PACKET});
    nx_hosted_pool_fail(&application->control, 0, 0);
    auto* fourth = allocate(application->control);
    nx_packet_release(fourth);
}

TEST_F(netx, a_second_release_is_refused_and_counted) {
    auto* packet = allocate(application->control);
    auto* again = packet;
    EXPECT_EQ(nx_packet_release(packet), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_packet_release(again), UINT{NX_PTR_ERROR});
    EXPECT_EQ(application->stats().double_releases, 1U);
    ULONG invalid = 0;
    nx_packet_pool_info_get(&application->control, NX_NULL, NX_NULL, NX_NULL, NX_NULL, &invalid);
    EXPECT_EQ(invalid, 1U);
}

TEST_F(netx, a_foreign_pointer_is_refused_and_counted) {
    NX_PACKET stray{};
    NX_PACKET* pointer = &stray;
    EXPECT_EQ(nx_packet_release(pointer), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_hosted_foreign_releases(), 1U);
}

TEST_F(netx, data_of_one_packet_is_read_back_from_any_offset) {
    auto* packet = allocate(application->control);
    const auto text = letters(100);
    ASSERT_EQ(append(packet, text, application->control), UINT{NX_SUCCESS});
    EXPECT_EQ(contents(packet), text);
    char part[10];
    ULONG copied = 0;
    EXPECT_EQ(nx_packet_data_extract_offset(packet, 95, part, sizeof part, &copied), UINT{NX_SUCCESS});
    EXPECT_EQ(std::string(part, copied), text.substr(95));
    EXPECT_EQ(nx_packet_data_extract_offset(packet, 100, part, sizeof part, &copied),
              UINT{NX_PACKET_OFFSET_ERROR});
    nx_packet_release(packet);
}

#ifndef NX_DISABLE_PACKET_CHAIN
TEST_F(netx, longer_data_chains_packets) {
    pool small(128, 6);
    auto* packet = allocate(small.control);
    const auto text = letters(300);
    ASSERT_EQ(append(packet, text, small.control), UINT{NX_SUCCESS});
    EXPECT_EQ(small.stats().allocated, 3U);
    EXPECT_EQ(packet->nx_packet_length, 300U);
    EXPECT_NE(packet->nx_packet_next, nullptr);
    EXPECT_EQ(packet->nx_packet_last, packet->nx_packet_next->nx_packet_next);
    ASSERT_EQ(append(packet, "tail", small.control), UINT{NX_SUCCESS});
    EXPECT_EQ(contents(packet), text + "tail");
    NX_PACKET* copy = nullptr;
    ASSERT_EQ(nx_packet_copy(packet, &copy, &small.control, NX_NO_WAIT), UINT{NX_SUCCESS});
    EXPECT_EQ(contents(copy), text + "tail");
    EXPECT_EQ(small.stats().allocated, 6U);
    nx_packet_release(copy);
    nx_packet_release(packet);
    EXPECT_EQ(small.stats().allocated, 0U);
}

TEST_F(netx, an_append_that_finds_no_packet_changes_nothing) {
    pool small(128, 2);
    auto* packet = allocate(small.control);
    ASSERT_EQ(append(packet, "kept", small.control), UINT{NX_SUCCESS});
    EXPECT_EQ(append(packet, letters(400), small.control), UINT{NX_NO_PACKET});
    EXPECT_EQ(contents(packet), "kept");
    EXPECT_EQ(small.stats().allocated, 1U);
    nx_packet_release(packet);
}
#else
TEST_F(netx, longer_data_is_refused_without_chains) {
    pool small(128, 4);
    auto* packet = allocate(small.control);
    EXPECT_EQ(append(packet, letters(73), small.control), UINT{NX_SIZE_ERROR});
    EXPECT_EQ(append(packet, letters(72), small.control), UINT{NX_SUCCESS});
    EXPECT_EQ(contents(packet), letters(72));
    EXPECT_EQ(small.stats().allocated, 1U);
    nx_packet_release(packet);
}
#endif

#ifndef NX_DISABLE_ERROR_CHECKING
TEST_F(netx, checked_services_name_the_wrong_argument) {
    auto* packet = allocate(application->control);
    NX_PACKET* out = nullptr;
    NX_PACKET_POOL none{};
    EXPECT_EQ(nx_packet_allocate(&none, &out, 56, NX_NO_WAIT), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_packet_allocate(&application->control, &out, 57, NX_NO_WAIT), UINT{NX_OPTION_ERROR});
    EXPECT_EQ(nx_packet_data_append(packet, NX_NULL, 1, &application->control, 0), UINT{NX_PTR_ERROR});
    char octet = 'x';
    EXPECT_EQ(nx_packet_data_append(packet, &octet, 0, &application->control, 0), UINT{NX_SIZE_ERROR});
    auto* kept = packet->nx_packet_prepend_ptr;
    packet->nx_packet_prepend_ptr = packet->nx_packet_data_start - 1;
    EXPECT_EQ(nx_packet_release(packet), UINT{NX_UNDERFLOW});
    packet->nx_packet_prepend_ptr = kept;
    EXPECT_EQ(nx_packet_release(packet), UINT{NX_SUCCESS});
    EXPECT_EQ(packet, nullptr) << "the checked release clears the pointer";
}

struct attempt {
    NX_PACKET_POOL* from;
    UINT status;
};

TEST_F(netx, waiting_is_refused_outside_threads) {
    attempt tried{&application->control, NX_SUCCESS};
    const auto try_it = [](VOID* input) {
        auto* in = static_cast<attempt*>(input);
        NX_PACKET* packet = nullptr;
        in->status = nx_packet_allocate(in->from, &packet, NX_IPv4_TCP_PACKET, 10);
    };
    for (const UINT context : {TX_HOSTED_INITIALISATION, TX_HOSTED_TIMER, TX_HOSTED_INTERRUPT}) {
        tx_hosted_call_as(context, try_it, &tried);
        EXPECT_EQ(tried.status, UINT{NX_CALLER_ERROR}) << context;
    }
}

TEST_F(netx, a_pool_needs_room_and_its_own_memory) {
    NX_PACKET_POOL second{};
    alignas(8) char memory[64];
    EXPECT_EQ(nx_packet_pool_create(&second, test::name("p"), 1536, memory, sizeof memory),
              UINT{NX_SIZE_ERROR});
    EXPECT_EQ(nx_packet_pool_create(&second, test::name("p"), 0, memory, sizeof memory), UINT{NX_SIZE_ERROR});
    EXPECT_EQ(
        nx_packet_pool_create(&second, test::name("p"), 64, application->control.nx_packet_pool_start, 1024),
        UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_packet_pool_create(&application->control, test::name("p"), 64, memory, sizeof memory),
              UINT{NX_SIZE_ERROR});
}
#endif

} // namespace
