// The control block, made and deleted, and its socket.
#include "common.hpp"

// For the service without the check that a thread calls: a client may be deleted in initialisation too.
extern "C" {
#include "nx_tcp.h"
}

#include <cstring>

namespace postrider::netx {

UINT allocate_packet(NX_SMTP_CLIENT& c, NX_PACKET** packet) {
    const bool v4 = c.nx_smtp_server_address.nxd_ip_version == NX_IP_VERSION_V4;
    return nx_packet_allocate(c.nx_smtp_client_packet_pool_ptr, packet,
                              v4 ? NX_IPv4_TCP_PACKET : NX_IPv6_TCP_PACKET, NX_SMTP_CLIENT_PACKET_TIMEOUT);
}

UINT connect_socket(NX_SMTP_CLIENT& c) {
    constexpr ULONG bind_wait = NX_IP_PERIODIC_RATE;
    UINT status = nx_tcp_client_socket_bind(&c.nx_smtp_client_socket, NX_ANY_PORT, bind_wait);
    if (status == NX_SUCCESS) {
        status = nxd_tcp_client_socket_connect(&c.nx_smtp_client_socket, &c.nx_smtp_server_address,
                                               c.nx_smtp_server_port, NX_SMTP_CLIENT_CONNECTION_TIMEOUT);
        if (status != NX_SUCCESS) {
            disconnect_socket(c, false);
        }
    }
    return status;
}

// A reset ends a broken connection at once. A stack built without it must be given time, or the port stays
// bound.
void disconnect_socket(NX_SMTP_CLIENT& c, bool in_order) {
    const ULONG wait = in_order || !may_reset ? NX_SMTP_CLIENT_DISCONNECT_TIMEOUT : NX_NO_WAIT;
    nx_tcp_socket_disconnect(&c.nx_smtp_client_socket, wait);
    nx_tcp_client_socket_unbind(&c.nx_smtp_client_socket);
}

namespace {

// Copies a text of at most `most` characters.
UINT copy(CHAR* to, const CHAR* from, std::size_t most) {
    const std::size_t size = std::strlen(from);
    if (size > most) {
        return NX_SIZE_ERROR;
    }
    std::memcpy(to, from, size + 1);
    return NX_SUCCESS;
}

UINT known_type(UINT authentication_type) {
    return authentication_type == NX_SMTP_CLIENT_AUTH_LOGIN ||
                   authentication_type == NX_SMTP_CLIENT_AUTH_NONE || is_further_type(authentication_type)
               ? authentication_type
               : NX_SMTP_CLIENT_AUTH_PLAIN;
}

} // namespace

} // namespace postrider::netx

using namespace postrider::netx;

UINT _nxd_smtp_client_create(NX_SMTP_CLIENT* client_ptr, NX_IP* ip_ptr,
                             NX_PACKET_POOL* client_packet_pool_ptr, CHAR* username, CHAR* password,
                             CHAR* from_address, CHAR* client_domain, UINT authentication_type,
                             NXD_ADDRESS* server_address, UINT port) {
    NX_SMTP_CLIENT& c = *client_ptr;
    std::memset(&c, 0, sizeof c);
    UINT status = copy(c.nx_smtp_username, username, NX_SMTP_CLIENT_MAX_USERNAME);
    if (status == NX_SUCCESS) {
        status = copy(c.nx_smtp_password, password, NX_SMTP_CLIENT_MAX_PASSWORD);
    }
    if (status == NX_SUCCESS) {
        status = copy(c.nx_smtp_client_domain, client_domain, NX_SMTP_CLIENT_MAX_USERNAME);
    }
    if (status == NX_SUCCESS) {
        status = nx_tcp_socket_create(ip_ptr, &c.nx_smtp_client_socket,
                                      const_cast<CHAR*>("SMTP Client socket"), NX_IP_NORMAL, NX_FRAGMENT_OKAY,
                                      NX_IP_TIME_TO_LIVE, NX_SMTP_CLIENT_TCP_WINDOW_SIZE, NX_NULL, NX_NULL);
    }
    if (status != NX_SUCCESS) {
        return status;
    }
    lend_own_texts(c);
    c.nx_smtp_client_from_address = from_address;
    c.nx_smtp_client_authentication_type = known_type(authentication_type);
    c.nx_smtp_client_ip_ptr = ip_ptr;
    c.nx_smtp_client_packet_pool_ptr = client_packet_pool_ptr;
    c.nx_smtp_server_address = *server_address;
    c.nx_smtp_server_port = static_cast<USHORT>(port);
    c.nx_smtp_client_id = NX_SMTP_CLIENT_ID;
    return NX_SUCCESS;
}

UINT _nx_smtp_client_delete(NX_SMTP_CLIENT* client_ptr) {
    NX_SMTP_CLIENT& c = *client_ptr;
    if (!is_created(c)) {
        return NX_PTR_ERROR;
    }
    drop_kept(c);
    const UINT status = _nx_tcp_socket_delete(&c.nx_smtp_client_socket);
    if (status == NX_SUCCESS) {
        std::memset(&c, 0, sizeof c); // the password too
    }
    return status;
}
