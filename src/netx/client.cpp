// The documented services, and what all services that send have in common.
#include "client.hpp"

#include <cstring>
#include <new>

namespace postrider::netx {

namespace {

constexpr std::size_t max_subject = 512;

bool has_control(std::string_view s) {
    for (const char c : s) {
        if (static_cast<unsigned char>(c) < ' ' && c != '\t') {
            return true;
        }
    }
    return false;
}

// One attempt on a session that is there.
want attempt(NX_SMTP_CLIENT& c, engine& e, transaction& t, content_source& content) {
    e.s.submit(t);
    if (!keep_of(c)) {
        e.s.quit();
    }
    return drive(c, e, &content);
}

// Whether a new connection may do better: the server drops the line at EHLO (RFC 5321 3.2 lets us try HELO),
// or a kept connection had died before anything of the message was answered.
bool may_do_better(const engine& e, const transaction& t, bool reused) {
    const bool lost = e.s.error() == errc::connection_lost;
    if (!reused) {
        return lost && e.s.failed_at() == stage::ehlo && e.config.use_ehlo;
    }
    return (lost || e.s.error() == errc::service_closing) && e.s.failed_at() <= stage::mail &&
           t.recipients[0].result.status == disposition::transient;
}

// MT-PRIORITY for a priority of the API (RFC 6710).
std::int8_t priority_of(UINT priority) {
    switch (priority) {
    case NX_SMTP_MAIL_PRIORITY_HIGH:
        return 4;
    case NX_SMTP_MAIL_PRIORITY_LOW:
        return -4;
    default:
        return 0;
    }
}

// The first recipient that did not get the message decides. The text kept is that of the call's own
// recipient.
UINT result_of(NX_SMTP_CLIENT& c, const engine& e, const transaction& t) {
    const outcome& first = t.recipients[0].result;
    for (const recipient& r : t.recipients) {
        if (r.result.status != disposition::delivered) {
            set_reply(c, r.result.code, &r.result == &first ? first.text.size() : 0);
            return code_of(e, r.result.error, r.result.at);
        }
    }
    set_reply(c, first.code, first.text.size());
    return NX_SUCCESS;
}

} // namespace

UINT connect(NX_SMTP_CLIENT& c, const room& where, bool use_ehlo) {
    new (where.e) engine(c, use_ehlo);
    const UINT status = open(c, *where.e);
    set_connected(c, status == NX_SUCCESS);
    return status;
}

void finish(NX_SMTP_CLIENT& c, const room& where, want w) {
    if (w == want::closed) {
        close(c, *where.e, where.e->s.error() == errc::ok);
        set_connected(c, false);
    }
}

void end_kept(NX_SMTP_CLIENT& c, const room& where) {
    if (is_connected(c)) {
        where.e->s.quit();
        finish(c, where, drive(c, *where.e, nullptr));
    }
}

UINT address(NX_SMTP_CLIENT& c, const room& where, CHAR* to, transaction& t) {
    const result<mailbox> sender = mailbox::parse_lenient(c.nx_smtp_client_from_address);
    const result<mailbox> first = mailbox::parse_lenient(to);
    if (!sender || !first || has_control(c.nx_smtp_client_domain)) {
        return NX_SMTP_INVALID_PARAM;
    }
    recipient& r = *new (where.recipients) recipient(*first);
    r.tag = NX_SMTP_RECIPIENT_TO;
    r.text_space = text_space_of(c);
    t.from = *sender;
    t.recipients = {where.recipients, where.recipients_count};
    t.body = body_type::eight_bit_undeclared;
    return NX_SUCCESS;
}

UINT send(NX_SMTP_CLIENT& c, const room& where, transaction& t, content_source& content) {
    const bool reused = is_connected(c);
    UINT status = reused ? NX_SUCCESS : connect(c, where, true);
    if (status != NX_SUCCESS) {
        return status;
    }
    want w = attempt(c, *where.e, t, content);
    if (w == want::closed && may_do_better(*where.e, t, reused) && content.rewind()) {
        finish(c, where, w);
        status = connect(c, where, reused);
        if (status != NX_SUCCESS) {
            return status;
        }
        w = attempt(c, *where.e, t, content);
    }
    status = result_of(c, *where.e, t);
    finish(c, where, w);
    return status;
}

UINT send_text(NX_SMTP_CLIENT& c, const room& where, const text_call& call) {
    const std::string_view subject = call.subject;
    if (subject.size() > max_subject) {
        return NX_SIZE_ERROR;
    }
    transaction t;
    if (const UINT status = address(c, where, call.recipient, t); status != NX_SUCCESS) {
        return status;
    }
    if (has_control(subject)) {
        return NX_SMTP_INVALID_PARAM;
    }
    const text_mail::fields fields{t.recipients,  t.from.address(), subject, c.nx_smtp_client_domain,
                                   call.priority, time_of(c)};
    text_mail mail =
        call.read == nullptr ? text_mail(fields, call.body) : text_mail(fields, call.read, call.context);
    t.more_content = true;
    t.size = mail.size();
    t.priority = priority_of(call.priority);
    return send(c, where, t, mail);
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
    return authentication_type == NX_SMTP_CLIENT_AUTH_LOGIN || authentication_type == NX_SMTP_CLIENT_AUTH_NONE
               ? authentication_type
               : NX_SMTP_CLIENT_AUTH_PLAIN;
}

#ifdef NX_SMTP_CLIENT_MINIMAL

void lend_own_texts(NX_SMTP_CLIENT&) {}

UINT send_by_room(NX_SMTP_CLIENT& c, const text_call& call) {
    alignas(engine) unsigned char space[sizeof(engine)];
    recipient r;
    return send_text(c, {reinterpret_cast<engine*>(space), &r, 1}, call);
}

#else

void lend_own_texts(NX_SMTP_CLIENT& c) {
    c.nx_smtp_client_user_ptr = c.nx_smtp_username;
    c.nx_smtp_client_password_ptr = c.nx_smtp_password;
}

UINT send_by_room(NX_SMTP_CLIENT& c, const text_call& call) {
    return send_text(c, room_of(c), call);
}

#endif

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
    if (!is_created(client_ptr)) {
        return NX_PTR_ERROR;
    }
    drop_kept(c);
    const UINT status = nx_tcp_socket_delete(&c.nx_smtp_client_socket);
    if (status == NX_SUCCESS) {
        std::memset(&c, 0, sizeof c); // the password too
    }
    return status;
}

UINT _nx_smtp_mail_send(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT priority, CHAR* subject,
                        CHAR* mail_body, UINT mail_body_length) {
    if (!is_created(client_ptr)) {
        return NX_SMTP_CLIENT_NOT_INTIALIZED;
    }
    return send_by_room(
        *client_ptr, {recipient_address, priority, subject, {mail_body, mail_body_length}, nullptr, NX_NULL});
}
