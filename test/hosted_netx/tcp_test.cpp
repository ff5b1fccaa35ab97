#include "loopback_server.hpp"
#include "netx_fixture.hpp"

#include <atomic>
#include <chrono>

namespace {

using test::client;
using test::contents;
using test::loopback_family;
using test::loopback_server;
using test::netx;
using test::peer;
using test::pool;

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('A' + i * 7 % 53);
    return text;
}

void echo(peer& connection) {
    for (auto part = connection.read(1); !part.empty(); part = connection.read(1))
        connection.send(part);
}

TEST_F(netx, what_is_sent_comes_back) {
    loopback_server server(echo, loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    ASSERT_EQ(c.send(application->control, "hello"), UINT{NX_SUCCESS});
    EXPECT_EQ(c.receive_all(5), "hello");
}

#if !defined(NX_DISABLE_IPV4) && defined(FEATURE_NX_IPV6)
TEST_F(netx, ipv6_connects_like_ipv4) {
    loopback_server server(
        [](peer& p) {
            p.send("220 six\r\n");
            p.closed_by_peer();
        },
        AF_INET6);
    client c(ip);
    NXD_ADDRESS address{};
    address.nxd_ip_version = NX_IP_VERSION_V6;
    address.nxd_ip_address.v6[3] = 1;
    ASSERT_EQ(nxd_tcp_client_socket_connect(&c.socket, &address, server.port(), 500), UINT{NX_SUCCESS});
    EXPECT_EQ(c.receive_all(9), "220 six\r\n");
    NXD_ADDRESS seen{};
    ULONG port = 0;
    EXPECT_EQ(nxd_tcp_socket_peer_info_get(&c.socket, &seen, &port), UINT{NX_SUCCESS});
    EXPECT_EQ(seen.nxd_ip_version, ULONG{NX_IP_VERSION_V6});
    EXPECT_EQ(port, server.port());
    ULONG mss = 0;
    EXPECT_EQ(nx_tcp_socket_mss_get(&c.socket, &mss), UINT{NX_SUCCESS});
    EXPECT_EQ(mss, 1440U);
}
#endif

#ifndef FEATURE_NX_IPV6
TEST_F(netx, ipv6_is_refused_where_it_was_not_built_in) {
    client c(ip);
    NXD_ADDRESS address{};
    address.nxd_ip_version = NX_IP_VERSION_V6;
    EXPECT_EQ(nxd_tcp_client_socket_connect(&c.socket, &address, 25, 100), UINT{NX_IP_ADDRESS_ERROR});
}
#endif

#ifdef NX_DISABLE_IPV4
TEST_F(netx, ipv4_is_refused_where_it_was_not_built_in) {
    client c(ip);
    EXPECT_EQ(nx_tcp_client_socket_connect(&c.socket, IP_ADDRESS(127, 0, 0, 1), 25, 100),
              UINT{NX_NOT_SUPPORTED});
}
#endif

TEST_F(netx, a_refused_connection_fails_at_once) {
    client c(ip);
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(c.connect(test::unused_port(), 1000), UINT{NX_NOT_CONNECTED});
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
    EXPECT_EQ(c.socket.nx_tcp_socket_state, UINT{NX_TCP_CLOSED});
}

TEST_F(netx, the_network_can_be_forbidden_and_redirected) {
    loopback_server server(
        [](peer& p) {
            p.send("here");
            p.closed_by_peer();
        },
        loopback_family);
    nx_hosted_allow_network(0);
    client c(ip);
    auto far = test::loopback();
#ifdef NX_DISABLE_IPV4
    far.nxd_ip_address.v6[0] = 0x20010DB8;
#else
    far.nxd_ip_address.v4 = IP_ADDRESS(192, 0, 2, 1);
#endif
#ifdef NX_DISABLE_IPV4
    nxd_ipv6_address_set(&ip, 0, &far, 64, NX_NULL);
#endif
    EXPECT_EQ(nxd_tcp_client_socket_connect(&c.socket, &far, 25, 100), UINT{NX_NOT_CONNECTED});
    nx_hosted_redirect(&far, 25, server.port());
    ASSERT_EQ(nxd_tcp_client_socket_connect(&c.socket, &far, 25, 500), UINT{NX_SUCCESS});
    EXPECT_EQ(c.receive_all(4), "here");
    NXD_ADDRESS seen{};
    ULONG port = 0;
    nxd_tcp_socket_peer_info_get(&c.socket, &seen, &port);
    EXPECT_EQ(port, 25U) << "the application sees the peer it named";
}

TEST_F(netx, services_ask_for_binding_and_connection_first) {
    client c(ip);
    UINT status = NX_SUCCESS;
    c.receive(status, NX_NO_WAIT);
    EXPECT_EQ(status, UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(c.send(application->control, "x"), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(nx_tcp_socket_disconnect(&c.socket, 10), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(nx_tcp_client_socket_bind(&c.socket, NX_ANY_PORT, 10), UINT{NX_ALREADY_BOUND});
    EXPECT_EQ(nx_tcp_socket_delete(&c.socket), UINT{NX_STILL_BOUND});
    EXPECT_EQ(nx_tcp_client_socket_unbind(&c.socket), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_tcp_client_socket_unbind(&c.socket), UINT{NX_NOT_BOUND});
    EXPECT_EQ(c.connect(25), UINT{NX_NOT_BOUND});
    c.receive(status, NX_NO_WAIT);
    EXPECT_EQ(status, UINT{NX_NOT_BOUND});
    UINT port = 0;
    EXPECT_EQ(nx_tcp_client_socket_port_get(&c.socket, &port), UINT{NX_NOT_BOUND});
    EXPECT_EQ(nx_tcp_client_socket_bind(&c.socket, NX_ANY_PORT, 10), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_tcp_client_socket_port_get(&c.socket, &port), UINT{NX_SUCCESS});
    EXPECT_GE(port, UINT{NX_SEARCH_PORT_START});
}

TEST_F(netx, a_port_is_bound_once) {
    client first(ip);
    client second(ip);
    UINT port = 0;
    nx_tcp_client_socket_port_get(&first.socket, &port);
    nx_tcp_client_socket_unbind(&second.socket);
    EXPECT_EQ(nx_tcp_client_socket_bind(&second.socket, port, 2), UINT{NX_PORT_UNAVAILABLE});
    UINT free_port = 0;
    EXPECT_EQ(nx_tcp_free_port_find(&ip, port, &free_port), UINT{NX_SUCCESS});
    EXPECT_NE(free_port, port);
    EXPECT_EQ(nx_tcp_client_socket_bind(&second.socket, free_port, 2), UINT{NX_SUCCESS});
}

TEST_F(netx, connecting_twice_is_refused) {
    loopback_server server(echo, loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    EXPECT_EQ(c.connect(server.port()), UINT{NX_NOT_CLOSED});
    EXPECT_EQ(nx_tcp_client_socket_unbind(&c.socket), UINT{NX_NOT_CLOSED});
}

TEST_F(netx, a_receive_ends_after_its_ticks) {
    loopback_server server([](peer& p) { p.closed_by_peer(); }, loopback_family);
    nx_hosted_tick_scale(10);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    UINT status = NX_SUCCESS;
    const auto before = std::chrono::steady_clock::now();
    c.receive(status, 100);
    const auto took = std::chrono::steady_clock::now() - before;
    EXPECT_EQ(status, UINT{NX_NO_PACKET});
    EXPECT_GE(took, std::chrono::milliseconds(99));
    EXPECT_LT(took, std::chrono::milliseconds(900));
}

TEST_F(netx, data_before_the_end_is_read_before_the_end) {
    loopback_server server(
        [](peer& p) {
            p.send("last words");
            p.end();
            p.read_to_end();
        },
        loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_tcp_socket_state_wait(&c.socket, NX_TCP_CLOSE_WAIT, 300), UINT{NX_SUCCESS});
    EXPECT_EQ(c.receive_all(10), "last words");
    UINT status = NX_SUCCESS;
    c.receive(status, 100);
    EXPECT_EQ(status, UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(c.send(application->control, "still open this way"), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_tcp_socket_disconnect(&c.socket, 300), UINT{NX_SUCCESS});
    EXPECT_EQ(c.socket.nx_tcp_socket_state, UINT{NX_TCP_CLOSED});
}

TEST_F(netx, a_reset_ends_the_waiting_receive) {
    loopback_server server(
        [](peer& p) {
            p.read(1);
            p.reset();
        },
        loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    ASSERT_EQ(c.send(application->control, "x"), UINT{NX_SUCCESS});
    UINT status = NX_SUCCESS;
    c.receive(status, 500);
    EXPECT_EQ(status, UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(c.socket.nx_tcp_socket_state, UINT{NX_TCP_CLOSED});
}

TEST_F(netx, a_polite_end_is_seen_as_end) {
    std::string seen = "?";
    {
        loopback_server server([&](peer& p) { seen = p.read_to_end(); }, loopback_family);
        client c(ip);
        ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
        ASSERT_EQ(c.send(application->control, "bye"), UINT{NX_SUCCESS});
        EXPECT_EQ(nx_tcp_socket_disconnect(&c.socket, 500), UINT{NX_SUCCESS});
    }
    EXPECT_EQ(seen, "bye");
}

TEST_F(netx, a_peer_that_never_closes_costs_the_whole_wait) {
    std::atomic<bool> done{false};
    loopback_server server(
        [&](peer& p) {
            p.read_to_end();
            while (!done)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        },
        loopback_family);
    nx_hosted_tick_scale(10);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_tcp_socket_disconnect(&c.socket, 50), UINT{NX_DISCONNECT_FAILED});
    EXPECT_EQ(c.socket.nx_tcp_socket_state, UINT{NX_TCP_CLOSED});
    done = true;
}

#ifndef NX_DISABLE_RESET_DISCONNECT
TEST_F(netx, a_disconnect_without_wait_is_a_reset) {
    std::atomic<int> error{0};
    std::atomic<bool> came{false};
    {
        loopback_server server(
            [&](peer& p) {
                came = p.read(1) == "x";
                char octet = 0;
                error = recv(p.fd(), &octet, 1, 0) < 0 ? errno : -1;
            },
            loopback_family);
        client c(ip);
        ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
        ASSERT_EQ(c.send(application->control, "x"), UINT{NX_SUCCESS});
        for (int i = 0; i < 5000 && !came; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_EQ(nx_tcp_socket_disconnect(&c.socket, NX_NO_WAIT), UINT{NX_IN_PROGRESS});
        EXPECT_EQ(c.socket.nx_tcp_socket_state, UINT{NX_TCP_CLOSED});
        EXPECT_EQ(nx_tcp_client_socket_unbind(&c.socket), UINT{NX_SUCCESS});
    }
    EXPECT_EQ(error, ECONNRESET);
}
#else
TEST_F(netx, a_disconnect_without_wait_leaves_the_end_to_the_peer) {
    std::atomic<bool> done{false};
    loopback_server server(
        [&](peer& p) {
            p.read_to_end();
            while (!done)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        },
        loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_tcp_socket_disconnect(&c.socket, NX_NO_WAIT), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_tcp_client_socket_unbind(&c.socket), UINT{NX_NOT_CLOSED});
    EXPECT_EQ(nx_tcp_client_socket_bind(&c.socket, NX_ANY_PORT, 10), UINT{NX_ALREADY_BOUND});
    EXPECT_EQ(nx_tcp_socket_delete(&c.socket), UINT{NX_STILL_BOUND});
    done = true;
}
#endif

TEST_F(netx, received_packets_are_cut_where_ordered) {
    const auto text = pattern(300);
    loopback_server server(
        [&](peer& p) {
            p.send(text);
            p.closed_by_peer();
        },
        loopback_family);
    for (const ULONG size : {1U, 7U, 100U}) {
        nx_hosted_receive_cut(size, 0);
        client c(ip);
        ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
        std::string all;
        UINT status = NX_SUCCESS;
        while (all.size() < text.size() && status == NX_SUCCESS) {
            const auto part = c.receive(status);
            EXPECT_LE(part.size(), size);
            all += part;
        }
        EXPECT_EQ(all, text);
    }
}

TEST_F(netx, a_packet_ends_at_the_ordered_offset) {
    const auto text = pattern(60);
    loopback_server server(
        [&](peer& p) {
            p.send(text);
            p.closed_by_peer();
        },
        loopback_family);
    for (const ULONG64 at : {1U, 30U, 59U}) {
        nx_hosted_receive_cut_at(at);
        client c(ip);
        ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
        UINT status = NX_SUCCESS;
        EXPECT_EQ(c.receive(status), text.substr(0, at));
        EXPECT_EQ(c.receive(status), text.substr(at));
    }
}

#ifndef NX_DISABLE_PACKET_CHAIN
TEST_F(netx, received_packets_are_chained_where_ordered) {
    nx_hosted_receive_cut(10, 3);
    loopback_server server(
        [](peer& p) {
            p.send("0123456789");
            p.closed_by_peer();
        },
        loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    NX_PACKET* packet = nullptr;
    ASSERT_EQ(nx_tcp_socket_receive(&c.socket, &packet, 500), UINT{NX_SUCCESS});
    ASSERT_EQ(contents(packet), "0123456789");
    int links = 0;
    for (const auto* link = packet; link != nullptr; link = link->nx_packet_next)
        ++links;
    EXPECT_EQ(links, 4);
    nx_packet_release(packet);
}
#endif

TEST_F(netx, a_small_receiving_pool_delays_data_but_loses_none) {
    const auto text = pattern(5000);
    loopback_server server(
        [&](peer& p) {
            p.send(text);
            p.closed_by_peer();
        },
        loopback_family);
    pool small(256, 3);
    NX_IP narrow{};
    ULONG memory[256];
    ASSERT_EQ(nx_ip_create(&narrow, test::name("narrow"), IP_ADDRESS(127, 0, 0, 1), 0xFF000000U,
                           &small.control, test::no_driver, memory, sizeof memory, 1),
              UINT{NX_SUCCESS});
    nx_tcp_enable(&narrow);
#ifdef FEATURE_NX_IPV6
    nxd_ipv6_enable(&narrow);
#endif
    for (const ULONG size : {150U, 0U}) {
        nx_hosted_receive_cut(size, 0);
        client c(narrow);
        ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
        EXPECT_EQ(c.receive_all(text.size()), text);
        EXPECT_LE(small.stats().peak, 3U);
    }
    EXPECT_EQ(small.stats().allocated, 0U);
    EXPECT_EQ(nx_ip_delete(&narrow), UINT{NX_SUCCESS});
}

TEST_F(netx, a_dry_receiving_pool_delays_data) {
    loopback_server server(
        [](peer& p) {
            p.read(1);
            p.send("late");
            p.closed_by_peer();
        },
        loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    nx_hosted_pool_dry(&stack->control, 100);
    ASSERT_EQ(c.send(application->control, "x"), UINT{NX_SUCCESS});
    UINT status = NX_SUCCESS;
    c.receive(status, 2);
    EXPECT_EQ(status, UINT{NX_NO_PACKET});
    EXPECT_EQ(c.receive(status, 500), "late");
}

TEST_F(netx, a_peer_that_does_not_read_closes_the_window) {
    std::atomic<bool> done{false};
    loopback_server server(
        [&](peer&) {
            while (!done)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        },
        loopback_family, 4096);
    nx_hosted_send_limit(4096);
    nx_hosted_tick_scale(10);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    UINT status = NX_SUCCESS;
    for (int i = 0; i < 1000 && status == NX_SUCCESS; ++i)
        status = c.send(application->control, pattern(1400), 100);
    EXPECT_TRUE(status == NX_WINDOW_OVERFLOW || status == NX_TX_QUEUE_DEPTH || status == NX_NO_PACKET)
        << status;
    EXPECT_GT(application->stats().allocated, 0U) << "what the peer did not acknowledge is still held";
    done = true;
}

TEST_F(netx, a_sent_packet_is_the_sockets) {
    loopback_server server(echo, loopback_family);
    nx_hosted_send_break(NX_HOSTED_BREAK_NONE, 0);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    NX_PACKET* packet = nullptr;
    nx_packet_allocate(&application->control, &packet, test::tcp_packet, NX_NO_WAIT);
    char octet = 'x';
    nx_packet_data_append(packet, &octet, 1, &application->control, NX_NO_WAIT);
    auto* again = packet;
    ASSERT_EQ(nx_tcp_socket_send(&c.socket, packet, 500), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_packet_release(again), UINT{NX_PTR_ERROR});
    EXPECT_EQ(application->stats().double_releases, 1U);
    EXPECT_EQ(c.receive_all(1), "x");
}

TEST_F(netx, ordered_breaks_of_the_receiving_side) {
    loopback_server server(
        [](peer& p) {
            p.send("0123456789");
            p.closed_by_peer();
        },
        loopback_family);
    nx_hosted_tick_scale(20);
    const std::pair<UINT, UINT> expected[] = {{NX_HOSTED_BREAK_RESET, NX_NOT_CONNECTED},
                                              {NX_HOSTED_BREAK_END, NX_NOT_CONNECTED},
                                              {NX_HOSTED_BREAK_STALL, NX_NO_PACKET}};
    for (const auto& [how, then] : expected) {
        nx_hosted_receive_break(how, 4);
        client c(ip);
        ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
        EXPECT_EQ(c.receive_all(4), "0123") << how;
        UINT status = NX_SUCCESS;
        c.receive(status, 100);
        EXPECT_EQ(status, then) << how;
    }
}

TEST_F(netx, ordered_breaks_of_the_sending_side) {
    loopback_server server([](peer& p) { p.read_to_end(); }, loopback_family);
    nx_hosted_tick_scale(20);
    const std::pair<UINT, UINT> expected[] = {{NX_HOSTED_BREAK_RESET, NX_NOT_CONNECTED},
                                              {NX_HOSTED_BREAK_STALL, NX_WINDOW_OVERFLOW}};
    for (const auto& [how, then] : expected) {
        nx_hosted_send_break(how, 4);
        client c(ip);
        ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
        EXPECT_EQ(c.send(application->control, "0123", 100), UINT{NX_SUCCESS});
        EXPECT_EQ(c.send(application->control, "4", 100), then) << how;
    }
}

TEST_F(netx, any_service_fails_on_order) {
    loopback_server server(echo, loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    const auto calls = nx_hosted_calls("nx_tcp_socket_send");
    nx_hosted_fail("nx_tcp_socket_send", 2, 1, NX_WINDOW_OVERFLOW);
    EXPECT_EQ(c.send(application->control, "a"), UINT{NX_SUCCESS});
    EXPECT_EQ(c.send(application->control, "b"), UINT{NX_WINDOW_OVERFLOW});
    EXPECT_EQ(c.send(application->control, "c"), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_hosted_calls("nx_tcp_socket_send"), calls + 3);
    EXPECT_EQ(c.receive_all(2), "ac");
}

std::atomic<int> received{0};
std::atomic<int> disconnected{0};
std::atomic<int> established{0};

TEST_F(netx, callbacks_tell_what_happens) {
    received = disconnected = established = 0;
    loopback_server server(
        [](peer& p) {
            p.send("x");
            p.read(1);
            p.end();
            p.closed_by_peer();
        },
        loopback_family);
    client c(ip);
    nx_tcp_socket_receive_notify(&c.socket, [](NX_TCP_SOCKET*) { ++received; });
    nx_tcp_socket_establish_notify(&c.socket, [](NX_TCP_SOCKET*) { ++established; });
    c.socket.nx_tcp_disconnect_callback = [](NX_TCP_SOCKET*) { ++disconnected; };
    EXPECT_EQ(c.connect(server.port(), NX_NO_WAIT), UINT{NX_IN_PROGRESS});
    EXPECT_EQ(c.receive_all(1), "x") << "a receive waits for the connection too";
    EXPECT_EQ(c.send(application->control, "y"), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_tcp_socket_state_wait(&c.socket, NX_TCP_CLOSE_WAIT, 300), UINT{NX_SUCCESS});
    for (int i = 0; i < 100 && disconnected == 0; ++i)
        tx_thread_sleep(1);
    EXPECT_EQ(established, 1);
    EXPECT_EQ(received, 1);
    EXPECT_EQ(disconnected, 1);
}

TEST_F(netx, two_threads_share_pool_and_instance) {
    loopback_server one(echo, loopback_family);
    loopback_server two(echo, loopback_family);
    const auto talk = [this](unsigned port, char letter) {
        client c(ip);
        ASSERT_EQ(c.connect(port), UINT{NX_SUCCESS});
        for (int i = 0; i < 20; ++i) {
            const std::string text(200, letter);
            ASSERT_EQ(c.send(application->control, text), UINT{NX_SUCCESS});
            ASSERT_EQ(c.receive_all(text.size()), text);
        }
    };
    std::thread other([&] {
        TX_THREAD me{};
        tx_hosted_thread_attach(&me, test::name("other"));
        talk(two.port(), 'b');
        tx_hosted_thread_detach(&me);
    });
    talk(one.port(), 'a');
    other.join();
}

TEST_F(netx, a_wait_is_aborted_from_another_thread) {
    loopback_server server([](peer& p) { p.closed_by_peer(); }, loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    std::thread other([&] {
        TX_THREAD me{};
        tx_hosted_thread_attach(&me, test::name("other"));
        while (tx_thread_wait_abort(&thread) != TX_SUCCESS)
            tx_thread_sleep(1);
        tx_hosted_thread_detach(&me);
    });
    UINT status = NX_SUCCESS;
    c.receive(status, NX_WAIT_FOREVER);
    EXPECT_EQ(status, UINT{NX_WAIT_ABORTED});
    other.join();
}

#ifndef NX_DISABLE_ERROR_CHECKING
TEST_F(netx, checked_socket_services_name_the_wrong_argument) {
    client c(ip);
    NXD_ADDRESS nowhere{};
    EXPECT_EQ(nxd_tcp_client_socket_connect(&c.socket, &nowhere, 25, 10), UINT{NX_IP_ADDRESS_ERROR});
    EXPECT_EQ(c.connect(65536), UINT{NX_INVALID_PORT});
    EXPECT_EQ(nx_tcp_client_socket_bind(&c.socket, 65536, 10), UINT{NX_INVALID_PORT});
    NX_TCP_SOCKET none{};
    EXPECT_EQ(nx_tcp_socket_disconnect(&none, 10), UINT{NX_PTR_ERROR});
    NX_PACKET* packet = nullptr;
    EXPECT_EQ(nx_tcp_socket_send(&c.socket, packet, 10), UINT{NX_INVALID_PACKET});
    EXPECT_EQ(nx_ip_delete(&ip), UINT{NX_SOCKETS_BOUND});
    EXPECT_EQ(nx_tcp_enable(&ip), UINT{NX_ALREADY_ENABLED});
}

TEST_F(netx, a_packet_without_room_for_headers_is_not_sent) {
    loopback_server server(echo, loopback_family);
    client c(ip);
    ASSERT_EQ(c.connect(server.port()), UINT{NX_SUCCESS});
    NX_PACKET* packet = nullptr;
    nx_packet_allocate(&application->control, &packet, NX_RECEIVE_PACKET, NX_NO_WAIT);
    char octet = 'x';
    nx_packet_data_append(packet, &octet, 1, &application->control, NX_NO_WAIT);
    EXPECT_EQ(nx_tcp_socket_send(&c.socket, packet, 10), UINT{NX_UNDERFLOW});
    nx_packet_release(packet);
}

struct call {
    NX_TCP_SOCKET* socket;
    UINT status;
};

TEST_F(netx, sockets_are_for_threads) {
    client c(ip);
    call made{&c.socket, NX_SUCCESS};
    for (const UINT context : {TX_HOSTED_INITIALISATION, TX_HOSTED_TIMER, TX_HOSTED_INTERRUPT}) {
        tx_hosted_call_as(
            context,
            [](VOID* input) {
                auto* in = static_cast<call*>(input);
                in->status = nx_tcp_socket_disconnect(in->socket, 10);
            },
            &made);
        EXPECT_EQ(made.status, UINT{NX_CALLER_ERROR}) << context;
    }
}
#endif

} // namespace
