// Sending by the engine: the documented service, and what all services that send have in common.
#include "common.hpp"

#ifndef NX_SMTP_CLIENT_MINIMAL

#include "client.hpp"

#include <new>

namespace postrider::netx {

namespace {

// One attempt on a session that is there.
want attempt(NX_SMTP_CLIENT& c, engine& e, transaction& t, content_source& content) {
    e.s.submit(t);
    if (!keep_of(c)) {
        e.s.quit();
    }
    return drive(c, e, &content);
}

// The same for a message: of which nothing was answered on the kept connection.
bool may_do_better(const engine& e, const transaction& t, bool reused) {
    return may_do_better(e, reused) && (!reused || (e.s.failed_at() <= stage::mail &&
                                                    t.recipients[0].result.status == disposition::transient));
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

bool may_do_better(const engine& e, bool reused) {
    const bool lost = e.s.error() == errc::connection_lost;
    return reused
               ? lost || e.s.error() == errc::service_closing
               : lost && e.status == NX_NOT_CONNECTED && e.s.failed_at() == stage::ehlo && e.config.use_ehlo;
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

namespace {

// A server that cannot read AUTH with an initial response says 501 (RFC 4954 4); older ones do. From then on
// it is known to need the two steps.
bool learns_two_steps(NX_SMTP_CLIENT& c, const engine& e, const transaction& t) {
    const bool learns = e.s.error() == errc::auth_refused && t.recipients[0].result.code == 501 &&
                        e.s.used_mechanism() == &e.plain && e.config.initial_response;
    c.nx_smtp_client_two_steps = learns ? 1 : c.nx_smtp_client_two_steps;
    return learns;
}

} // namespace

UINT send(NX_SMTP_CLIENT& c, const room& where, transaction& t, content_source& content) {
    return on_session(c, where, [&](bool reused) -> tried {
        const want w = attempt(c, *where.e, t, content);
        const bool closed = w == want::closed;
        const bool learnt = closed && learns_two_steps(c, *where.e, t);
        const bool again = closed && (learnt || may_do_better(*where.e, t, reused)) && content.rewind();
        return {w, result_of(c, *where.e, t), again, learnt};
    });
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
    if (has_control(subject, '\t')) {
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

} // namespace postrider::netx

using namespace postrider::netx;

UINT _nx_smtp_mail_send(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT priority, CHAR* subject,
                        CHAR* mail_body, UINT mail_body_length) {
    if (!is_created(*client_ptr)) {
        return NX_SMTP_CLIENT_NOT_INTIALIZED;
    }
    return send_text(*client_ptr, room_of(*client_ptr),
                     {recipient_address, priority, subject, {mail_body, mail_body_length}, nullptr, NX_NULL});
}

#endif // NX_SMTP_CLIENT_MINIMAL
