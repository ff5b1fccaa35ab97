// A ThreadX thread, two packet pools and an IP instance, without tx_kernel_enter.
#pragma once

#include "nx_hosted.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace test {

inline CHAR* name(const char* text) {
    return const_cast<CHAR*>(text);
}

inline void no_driver(NX_IP_DRIVER* /*request*/) {}

/// Memory for `packets` packets of `payload` octets, and the pool in it.
class pool {
  public:
    pool(ULONG payload, ULONG packets)
        : memory_((payload + 7U) / 8U * 8U * packets / 8U + sizeof(NX_PACKET) / 8U * packets + packets) {
        const auto size = ((payload + 7U) / 8U * 8U + sizeof(NX_PACKET)) * packets;
        EXPECT_EQ(
            nx_packet_pool_create(&control, name("pool"), payload, memory_.data(), static_cast<ULONG>(size)),
            UINT{NX_SUCCESS});
        EXPECT_EQ(stats().total, packets);
    }
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool() { EXPECT_EQ(nx_packet_pool_delete(&control), UINT{NX_SUCCESS}); }

    NX_HOSTED_POOL_STATS stats() {
        NX_HOSTED_POOL_STATS result{};
        EXPECT_EQ(nx_hosted_pool_stats_get(&control, &result), UINT{NX_SUCCESS});
        return result;
    }

    NX_PACKET_POOL control{};

  private:
    std::vector<ULONG64> memory_;
};

inline std::string contents(NX_PACKET* packet) {
    std::string text(packet->nx_packet_length, '\0');
    ULONG copied = 0;
    if (packet->nx_packet_length != 0) {
        EXPECT_EQ(nx_packet_data_retrieve(packet, text.data(), &copied), UINT{NX_SUCCESS});
    }
    EXPECT_EQ(copied, text.size());
    return text;
}

class netx : public testing::Test {
  protected:
    void SetUp() override {
        nx_hosted_reset();
        ASSERT_EQ(tx_hosted_thread_attach(&thread, name("test")), UINT{NX_SUCCESS});
        application = std::make_unique<pool>(ULONG{1536}, ULONG{16});
        stack = std::make_unique<pool>(ULONG{1600}, ULONG{16});
        ASSERT_EQ(nx_ip_create(&ip, name("ip"), IP_ADDRESS(127, 0, 0, 1), 0xFF000000U, &stack->control,
                               no_driver, ip_memory, sizeof ip_memory, 1),
                  UINT{NX_SUCCESS});
        ASSERT_EQ(nx_tcp_enable(&ip), UINT{NX_SUCCESS});
#ifdef FEATURE_NX_IPV6
        ASSERT_EQ(nxd_ipv6_enable(&ip), UINT{NX_SUCCESS});
#endif
    }

    void TearDown() override {
        EXPECT_EQ(nx_ip_delete(&ip), UINT{NX_SUCCESS});
        EXPECT_EQ(application->stats().allocated, 0U) << "packets leaked";
        EXPECT_EQ(stack->stats().allocated, 0U) << "received packets leaked";
        application.reset();
        stack.reset();
        EXPECT_EQ(tx_hosted_thread_detach(&thread), UINT{NX_SUCCESS});
        nx_hosted_reset();
    }

    TX_THREAD thread{};
    NX_IP ip{};
    ULONG ip_memory[512]{};
    std::unique_ptr<pool> application;
    std::unique_ptr<pool> stack;
};

#ifdef NX_DISABLE_IPV4
inline NXD_ADDRESS loopback() {
    NXD_ADDRESS address{};
    address.nxd_ip_version = NX_IP_VERSION_V6;
    address.nxd_ip_address.v6[3] = 1;
    return address;
}
constexpr int loopback_family = 10; // AF_INET6
constexpr ULONG tcp_packet = NX_IPv6_TCP_PACKET;
#else
inline NXD_ADDRESS loopback() {
    NXD_ADDRESS address{};
    address.nxd_ip_version = NX_IP_VERSION_V4;
    address.nxd_ip_address.v4 = IP_ADDRESS(127, 0, 0, 1);
    return address;
}
constexpr int loopback_family = 2; // AF_INET
constexpr ULONG tcp_packet = NX_IPv4_TCP_PACKET;
#endif

/// A bound client socket, which leaves nothing behind.
class client {
  public:
    explicit client(NX_IP& ip, ULONG window = 8192) {
        EXPECT_EQ(nx_tcp_socket_create(&ip, &socket, name("client"), NX_IP_NORMAL, NX_FRAGMENT_OKAY,
                                       NX_IP_TIME_TO_LIVE, window, NX_NULL, NX_NULL),
                  UINT{NX_SUCCESS});
        EXPECT_EQ(nx_tcp_client_socket_bind(&socket, NX_ANY_PORT, NX_NO_WAIT), UINT{NX_SUCCESS});
    }
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client() {
        nx_tcp_socket_disconnect(&socket, NX_NO_WAIT);
        if (nx_tcp_client_socket_unbind(&socket) == NX_NOT_CLOSED) {
            // Without reset on disconnect the end is the peer's to complete.
            EXPECT_EQ(nx_tcp_socket_state_wait(&socket, NX_TCP_CLOSED, 2000), UINT{NX_SUCCESS});
            EXPECT_EQ(nx_tcp_client_socket_unbind(&socket), UINT{NX_SUCCESS});
        }
        EXPECT_EQ(nx_tcp_socket_delete(&socket), UINT{NX_SUCCESS});
    }

    UINT connect(unsigned port, ULONG wait = 500) {
        auto address = loopback();
        return nxd_tcp_client_socket_connect(&socket, &address, port, wait);
    }

    /// Sends text in one packet of pool; what a failed send leaves is released.
    UINT send(NX_PACKET_POOL& pool, std::string_view text, ULONG wait = 500) {
        NX_PACKET* packet = nullptr;
        UINT status = nx_packet_allocate(&pool, &packet, tcp_packet, wait);
        if (status != NX_SUCCESS)
            return status;
        status = nx_packet_data_append(packet, const_cast<char*>(text.data()),
                                       static_cast<ULONG>(text.size()), &pool, wait);
        if (status == NX_SUCCESS)
            status = nx_tcp_socket_send(&socket, packet, wait);
        if (status != NX_SUCCESS) {
            EXPECT_EQ(nx_packet_release(packet), UINT{NX_SUCCESS});
        }
        return status;
    }

    /// One received packet's contents; empty at any error, which status tells.
    std::string receive(UINT& status, ULONG wait = 500) {
        NX_PACKET* packet = nullptr;
        status = nx_tcp_socket_receive(&socket, &packet, wait);
        if (status != NX_SUCCESS)
            return {};
        auto text = contents(packet);
        EXPECT_EQ(nx_packet_release(packet), UINT{NX_SUCCESS});
        return text;
    }

    /// Everything until that many octets came or an error.
    std::string receive_all(std::size_t size) {
        std::string all;
        UINT status = NX_SUCCESS;
        while (all.size() < size && status == NX_SUCCESS)
            all += receive(status);
        return all;
    }

    NX_TCP_SOCKET socket{};
};

} // namespace test
