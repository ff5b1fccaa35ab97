#include "line.hpp"

#include "common.hpp"

#ifndef NX_SMTP_CLIENT_MINIMAL

namespace postrider::netx {

namespace {

instant tick(engine& e) {
    const ULONG ticks = tx_time_get();
    e.now += static_cast<ULONG>(ticks - e.last_tick); // the counter of ThreadX wraps, ours does not
    e.last_tick = ticks;
    return e.now;
}

void lose(engine& e, errc why, UINT status) {
    e.status = status;
    e.s.lost(why);
}

UINT allocate(NX_SMTP_CLIENT& c, const engine& e, NX_PACKET** packet) {
    return e.tls ? tls_packet(c, packet) : allocate_packet(c, packet);
}

// The tag, or the MAC and the padding, which NetX Secure appends to a record.
constexpr ULONG record_trailer = 64;

ULONG room_in(const engine& e, const NX_PACKET& p) {
    const auto room = static_cast<ULONG>(p.nx_packet_data_end - p.nx_packet_append_ptr);
    const ULONG trailer = e.tls ? record_trailer : 0;
    return room > trailer ? room - trailer : 0;
}

// Fills one packet with output, content included, as far as both go. Never chains: a long content takes one
// packet after the other, so that the pool need not hold it.
UINT fill(NX_SMTP_CLIENT& c, engine& e, NX_PACKET& packet, content_source* content) {
    while (const ULONG room = room_in(e, packet)) {
        const std::string_view octets = e.s.output();
        if (octets.empty()) {
            if (e.s.content_of() == nullptr) {
                break;
            }
            content->lend(e.s); // the part before is in packets already
            continue;
        }
        const ULONG size = octets.size() < room ? static_cast<ULONG>(octets.size()) : room;
        if (const UINT status =
                nx_packet_data_append(&packet, const_cast<char*>(octets.data()), size,
                                      c.nx_smtp_client_packet_pool_ptr, NX_SMTP_CLIENT_PACKET_TIMEOUT);
            status != NX_SUCCESS) {
            return status;
        }
        e.s.taken(size);
    }
    return packet.nx_packet_length > 0 ? NX_SUCCESS : NX_INVALID_PARAMETERS;
}

void receive(NX_SMTP_CLIENT& c, engine& e, ULONG wait) {
    NX_PACKET* packet = NX_NULL;
    const UINT status = e.tls ? tls_receive(c, &packet, wait)
                              : nx_tcp_socket_receive(&c.nx_smtp_client_socket, &packet, wait);
    if (status == NX_NO_PACKET) {
        return; // the session knows its deadline
    }
    if (status != NX_SUCCESS) {
        lose(e, errc::connection_lost, status);
        return;
    }
    for (const NX_PACKET* p = packet; p != NX_NULL; p = next_packet(*p)) {
        e.s.received({reinterpret_cast<const char*>(p->nx_packet_prepend_ptr),
                      static_cast<std::size_t>(p->nx_packet_append_ptr - p->nx_packet_prepend_ptr)});
    }
    nx_packet_release(packet);
}

void write(NX_SMTP_CLIENT& c, engine& e, content_source* content) {
    if (e.s.outstanding() == 0) {
        receive(c, e, NX_NO_WAIT); // what nobody asked for must not pass as the answer to what comes now
        if (e.s.is_closed()) {
            return;
        }
    }
    NX_PACKET* packet = NX_NULL;
    UINT status = allocate(c, e, &packet);
    if (status != NX_SUCCESS) {
        lose(e, errc::out_of_memory, status);
        return;
    }
    status = fill(c, e, *packet, content);
    if (status == NX_SUCCESS && e.s.is_closed()) {
        nx_packet_release(packet); // the content has failed: its beginning stays here
        return;
    }
    const ULONG size = packet->nx_packet_length;
    if (status == NX_SUCCESS) {
        status = e.tls ? tls_send(c, packet, NX_SMTP_CLIENT_SEND_TIMEOUT)
                       : nx_tcp_socket_send(&c.nx_smtp_client_socket, packet, NX_SMTP_CLIENT_SEND_TIMEOUT);
    }
    if (status != NX_SUCCESS) {
        nx_packet_release(packet);
        // The server may have said why before it closed: that is worth more than the transport's code.
        receive(c, e, NX_NO_WAIT);
        if (!e.s.is_closed()) {
            lose(e, errc::connection_lost, status);
        }
        return;
    }
    e.s.handed(size);
}

void start_tls(NX_SMTP_CLIENT& c, engine& e) {
    const UINT status = tls_start(c);
    if (status != NX_SUCCESS) {
        lose(e, errc::tls_handshake, status);
        return;
    }
    e.tls = true;
    e.s.tls_started(true);
}

} // namespace

engine::engine(NX_SMTP_CLIENT& c, bool use_ehlo)
    : plain(user_of(c), password_of(c)), login(user_of(c), password_of(c)), mechanisms{&plain, &login},
      config(settings(c, mechanisms, use_ehlo)), s(config, reply_space), last_tick(tx_time_get()) {
    if (c.nx_smtp_client_authentication_type == NX_SMTP_CLIENT_AUTH_LOGIN) {
        mechanisms = {&login, &plain};
        config.unlisted_mechanism = 1; // what a server lists nothing of is tried as PLAIN
    }
    if (mechanism* const only = further.make(c); only != nullptr) {
        mechanisms[0] = only; // that one or none: the password must not go out by a weaker one
        config.mechanisms = std::span(mechanisms).first(1);
        config.try_unlisted_mechanism = false;
    }
}

session_config engine::settings(const NX_SMTP_CLIENT& c, std::span<mechanism* const> mechanisms,
                                bool use_ehlo) {
    const bool none = c.nx_smtp_client_authentication_type == NX_SMTP_CLIENT_AUTH_NONE;
    const bool has_user = user_of(c)[0] != '\0';
    session_config config;
    config.client_name = c.nx_smtp_client_domain;
    config.mechanisms = none && !has_user ? std::span<mechanism* const>{} : mechanisms;
    config.optional_auth = none;
    config.try_unlisted_mechanism = true;
    config.use_ehlo = use_ehlo;
    config.initial_response = c.nx_smtp_client_two_steps == 0;
    config.tls = secure_of(c) == NX_SMTP_CLIENT_STARTTLS       ? tls_policy::required
                 : secure_of(c) == NX_SMTP_CLIENT_IMPLICIT_TLS ? tls_policy::implicit
                                                               : tls_policy::none;
    config.allow_auth_in_clear = !auth_needs_tls && secure_of(c) == NX_SMTP_CLIENT_NO_TLS &&
                                 !is_token_type(c.nx_smtp_client_authentication_type);
    config.use_chunking = false; // parts are small; DATA takes them all in one go
    config.timeouts = {NX_SMTP_GREETING_TIMEOUT,
                       NX_SMTP_ENVELOPE_TIMEOUT,
                       NX_SMTP_ENVELOPE_TIMEOUT,
                       NX_SMTP_CLIENT_SEND_TIMEOUT,
                       NX_SMTP_MESSAGE_TIMEOUT,
                       NX_SMTP_CLIENT_DISCONNECT_TIMEOUT,
                       0};
    return config;
}

UINT open(NX_SMTP_CLIENT& c, engine& e) {
    const UINT status = connect_socket(c);
    if (status != NX_SUCCESS) {
        return status;
    }
    if (secure_of(c) == NX_SMTP_CLIENT_IMPLICIT_TLS) {
        start_tls(c, e);
        if (e.s.is_closed()) {
            close(c, e, false);
            return NX_SMTP_TLS_ERROR;
        }
    }
    return NX_SUCCESS;
}

want drive(NX_SMTP_CLIENT& c, engine& e, content_source* content) {
    for (;;) {
        const want w = e.s.next(tick(e));
        switch (w) {
        case want::write:
            if (e.s.error() != errc::ok) {
                keep_reply(c, e.s.last_reply()); // the reply to QUIT comes and says nothing
            }
            write(c, e, content);
            break;
        case want::read:
            receive(c, e, static_cast<ULONG>(e.s.deadline() - e.now));
            break;
        case want::content:
            content->lend(e.s);
            break;
        case want::start_tls:
            receive(c, e, NX_NO_WAIT); // said in clear behind the 220: an attack, and taken for one
            if (!e.s.is_closed()) {
                start_tls(c, e);
            }
            break;
        default:
            return w;
        }
    }
}

void close(NX_SMTP_CLIENT& c, engine& e, bool in_order) {
    if (e.tls) {
        tls_end(c);
        e.tls = false;
    }
    disconnect_socket(c, in_order);
}

UINT code_of(const engine& e, errc what, stage at) {
    switch (what) {
    case errc::ok:
        return NX_SUCCESS;
    case errc::timed_out:
        return NX_NO_PACKET;
    case errc::connection_lost:
    case errc::out_of_memory:
        return e.status;
    case errc::tls_handshake:
    case errc::starttls_injection:
        return NX_SMTP_TLS_ERROR;
    case errc::starttls_unavailable:
    case errc::starttls_refused:
        return NX_SMTP_TLS_UNAVAILABLE;
    case errc::message_too_large:
        return NX_SMTP_OVERSIZE_MAIL_DATA;
    case errc::content_has_nul:
    case errc::content_unreadable:
        return NX_SMTP_CONTENT_ERROR;
    case errc::bad_argument:
    case errc::needs_smtputf8:
        return NX_SMTP_INVALID_PARAM;
    case errc::auth_unavailable:
    case errc::auth_needs_tls:
        return NX_SMTP_AUTH_REPLY_ERROR;
    default:
        break;
    }
    return code_of(at);
}

} // namespace postrider::netx

#endif // NX_SMTP_CLIENT_MINIMAL
