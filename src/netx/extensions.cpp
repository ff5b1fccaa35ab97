// The services beyond the documented ones.
#include "common.hpp"

#ifndef NX_SMTP_CLIENT_MINIMAL

#include "client.hpp"

#include <cstring>
#include <new>

namespace postrider::netx {

static_assert(sizeof(engine) <= sizeof(NX_SMTP_CLIENT::nx_smtp_client_engine), "NX_SMTP_CLIENT_ENGINE_SIZE");
static_assert(alignof(engine) <= alignof(unsigned long long));
static_assert(sizeof(recipient) <= sizeof(NX_SMTP_RECIPIENT) &&
              alignof(recipient) <= alignof(NX_SMTP_RECIPIENT));

constexpr std::size_t max_argument = 500; // of a command line of 512 octets (RFC 5321 4.5.3.1.4)

room room_of(NX_SMTP_CLIENT& c) {
    NX_SMTP_RECIPIENT* const memory = c.nx_smtp_client_recipients == NX_NULL
                                          ? &c.nx_smtp_client_first_recipient
                                          : c.nx_smtp_client_recipients;
    return {reinterpret_cast<engine*>(c.nx_smtp_client_engine), reinterpret_cast<recipient*>(memory),
            1 + c.nx_smtp_client_recipients_count};
}

void drop_kept(NX_SMTP_CLIENT& c) {
    end_kept(c, room_of(c));
}

namespace {

// One attempt on a session that is there.
want attempt(NX_SMTP_CLIENT& c, engine& e, query what, std::string_view argument) {
    want w = drive(c, e, nullptr);
    if (w == want::ready && e.s.ask(what, argument) == errc::ok) {
        w = drive(c, e, nullptr);
    }
    return w;
}

UINT result_of(NX_SMTP_CLIENT& c, const engine& e, want w) {
    const session& s = e.s;
    const bool closing = s.error() == errc::service_closing;
    if (w == want::ready || closing || s.error() == errc::unexpected_reply) {
        keep_reply(c, s.last_reply());
    }
    const bool answered = w == want::ready || (closing && s.failed_at() == stage::command);
    if (!answered) {
        return code_of(e, s.error(), s.failed_at());
    }
    return s.last_reply().positive() ? NX_SUCCESS : NX_SMTP_SERVER_ERROR_CODE_RECEIVED;
}

UINT ask(NX_SMTP_CLIENT& c, query what, std::string_view argument) {
    if (argument.empty() || argument.size() > max_argument || has_control(argument) ||
        has_control(c.nx_smtp_client_domain)) {
        return NX_SMTP_INVALID_PARAM;
    }
    const room where = room_of(c);
    const UINT status = on_session(c, where, [&](bool reused) -> tried {
        const want w = attempt(c, *where.e, what, argument);
        const bool again = w == want::closed && may_do_better(*where.e, reused);
        return {w, result_of(c, *where.e, w), again};
    });
    if (!keep_of(c)) {
        end_kept(c, where);
    }
    return status;
}

UINT check(const NX_SMTP_CLIENT* client_ptr, bool pointers_given) {
    if (client_ptr == NX_NULL || !pointers_given) {
        return NX_PTR_ERROR;
    }
    return is_created(*client_ptr) ? NX_SUCCESS : NX_SMTP_CLIENT_NOT_INTIALIZED;
}

// For services that wait: as check(), and only threads may.
UINT check_waiting(const NX_SMTP_CLIENT* client_ptr, bool pointers_given) {
    const UINT status = check(client_ptr, pointers_given);
    return status != NX_SUCCESS ? status : _nx_smtp_client_caller_check();
}

} // namespace

} // namespace postrider::netx

using namespace postrider;
using namespace postrider::netx;

UINT nx_smtp_client_recipients_set(NX_SMTP_CLIENT* client_ptr, NX_SMTP_RECIPIENT* recipients, UINT capacity) {
    const UINT status = check(client_ptr, recipients != NX_NULL || capacity == 0);
    if (status == NX_SUCCESS) {
        client_ptr->nx_smtp_client_recipients = capacity == 0 ? NX_NULL : recipients;
        client_ptr->nx_smtp_client_recipients_capacity = capacity;
        client_ptr->nx_smtp_client_recipients_count = 0;
        client_ptr->nx_smtp_client_sent = NX_FALSE;
    }
    return status;
}

UINT nx_smtp_client_recipient_add(NX_SMTP_CLIENT* client_ptr, CHAR* address, UINT type) {
    if (const UINT status = check(client_ptr, address != NX_NULL); status != NX_SUCCESS) {
        return status;
    }
    NX_SMTP_CLIENT& c = *client_ptr;
    const result<mailbox> m = mailbox::parse_lenient(address);
    if (!m ||
        (type != NX_SMTP_RECIPIENT_TO && type != NX_SMTP_RECIPIENT_CC && type != NX_SMTP_RECIPIENT_BCC)) {
        return NX_SMTP_INVALID_PARAM;
    }
    if (c.nx_smtp_client_recipients_count + 1 >= c.nx_smtp_client_recipients_capacity) {
        return NX_SIZE_ERROR;
    }
    ++c.nx_smtp_client_recipients_count;
    recipient* const r = new (&room_of(c).recipients[c.nx_smtp_client_recipients_count]) recipient(*m);
    r->tag = static_cast<UCHAR>(type);
    return NX_SUCCESS;
}

UINT nx_smtp_client_recipients_clear(NX_SMTP_CLIENT* client_ptr) {
    const UINT status = check(client_ptr, true);
    if (status == NX_SUCCESS) {
        client_ptr->nx_smtp_client_recipients_count = 0;
    }
    return status;
}

UINT nx_smtp_client_outcome_get(NX_SMTP_CLIENT* client_ptr, UINT index, UINT* outcome_ptr, UINT* code) {
    if (const UINT status = check(client_ptr, true); status != NX_SUCCESS) {
        return status;
    }
    const room where = room_of(*client_ptr);
    if (index >= where.recipients_count) {
        return NX_SMTP_INVALID_PARAM;
    }
    outcome what;
    if (client_ptr->nx_smtp_client_sent != NX_FALSE) {
        what = where.recipients[index].result;
    }
    if (outcome_ptr != NX_NULL) {
        *outcome_ptr = static_cast<UINT>(what.status);
    }
    if (code != NX_NULL) {
        *code = what.code;
    }
    return NX_SUCCESS;
}

UINT nx_smtp_client_session_keep(NX_SMTP_CLIENT* client_ptr, UINT keep) {
    const UINT status = keep != NX_FALSE ? check(client_ptr, true) : check_waiting(client_ptr, true);
    if (status == NX_SUCCESS) {
        client_ptr->nx_smtp_client_keep = keep;
        if (keep == NX_FALSE) {
            drop_kept(*client_ptr);
        }
    }
    return status;
}

UINT nx_smtp_client_credentials_set(NX_SMTP_CLIENT* client_ptr, CHAR* username, CHAR* password) {
    const UINT status = check(client_ptr, username != NX_NULL && password != NX_NULL);
    if (status == NX_SUCCESS) {
        client_ptr->nx_smtp_client_user_ptr = username;
        client_ptr->nx_smtp_client_password_ptr = password;
    }
    return status;
}

UINT nx_smtp_client_time_set(NX_SMTP_CLIENT* client_ptr, ULONG (*time_function)(VOID)) {
    const UINT status = check(client_ptr, true);
    if (status == NX_SUCCESS) {
        client_ptr->nx_smtp_client_time = time_function;
    }
    return status;
}

UINT nx_smtp_client_crypto_set(NX_SMTP_CLIENT* client_ptr, const NX_SMTP_CLIENT_CRYPTO* crypto) {
    const bool whole = crypto != NX_NULL && crypto->nx_smtp_crypto_hmac_begin != nullptr &&
                       crypto->nx_smtp_crypto_hmac_update != nullptr &&
                       crypto->nx_smtp_crypto_hmac_end != nullptr;
    UINT status = check(client_ptr, whole);
    if (status == NX_SUCCESS && !has_cram_md5 && !has_scram_sha_256) {
        status = NX_NOT_SUPPORTED;
    }
    if (status == NX_SUCCESS) {
        client_ptr->nx_smtp_client_crypto = crypto;
    }
    return status;
}

#ifdef NX_SECURE_ENABLE
UINT nx_smtp_client_secure_set(NX_SMTP_CLIENT* client_ptr, UINT mode,
                               UINT (*tls_setup)(NX_SMTP_CLIENT* client_ptr,
                                                 NX_SECURE_TLS_SESSION* session_ptr)) {
    const UINT status = check(client_ptr, tls_setup != NX_NULL || mode == NX_SMTP_CLIENT_NO_TLS);
    if (status != NX_SUCCESS) {
        return status;
    }
    if (mode > NX_SMTP_CLIENT_IMPLICIT_TLS || is_connected(*client_ptr)) {
        return NX_SMTP_INVALID_PARAM; // a kept session must not change its level
    }
    client_ptr->nx_smtp_client_secure = mode;
    client_ptr->nx_smtp_client_tls_setup = tls_setup;
    return NX_SUCCESS;
}
#endif

UINT nx_smtp_mail_send_raw(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, CHAR* message,
                           ULONG message_length) {
    UINT status = check_waiting(client_ptr, recipient_address != NX_NULL && message != NX_NULL);
    if (status == NX_SUCCESS && message_length == 0) {
        status = NX_SMTP_INVALID_PARAM;
    }
    transaction t;
    const room where = room_of(*client_ptr);
    if (status == NX_SUCCESS) {
        status = address(*client_ptr, where, recipient_address, t);
    }
    if (status != NX_SUCCESS) {
        return status;
    }
    t.more_content = true;
    t.size = message_length;
    raw_mail mail({message, message_length});
    return send(*client_ptr, where, t, mail);
}

UINT nx_smtp_mail_send_stream(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT priority,
                              CHAR* subject, UINT (*read_callback)(VOID* context, CHAR** data, ULONG* length),
                              VOID* context) {
    const UINT status = check_waiting(client_ptr, recipient_address != NX_NULL && subject != NX_NULL &&
                                                      read_callback != NX_NULL);
    return status != NX_SUCCESS
               ? status
               : send_text(*client_ptr, room_of(*client_ptr),
                           {recipient_address, priority, subject, {}, read_callback, context});
}

UINT nx_smtp_client_verify(NX_SMTP_CLIENT* client_ptr, CHAR* name) {
    const UINT status = check_waiting(client_ptr, name != NX_NULL);
    return status != NX_SUCCESS ? status : ask(*client_ptr, query::vrfy, name);
}

UINT nx_smtp_client_expand(NX_SMTP_CLIENT* client_ptr, CHAR* name) {
    const UINT status = check_waiting(client_ptr, name != NX_NULL);
    return status != NX_SUCCESS ? status : ask(*client_ptr, query::expn, name);
}

UINT nx_smtp_client_etrn(NX_SMTP_CLIENT* client_ptr, CHAR* name) {
    const UINT status = check_waiting(client_ptr, name != NX_NULL);
    return status != NX_SUCCESS ? status : ask(*client_ptr, query::etrn, name);
}

UINT nx_smtp_client_reply_get(NX_SMTP_CLIENT* client_ptr, UINT* code, CHAR** text, UINT* length) {
    const UINT status = check(client_ptr, true);
    if (status != NX_SUCCESS) {
        return status;
    }
    if (code != NX_NULL) {
        *code = client_ptr->nx_smtp_client_reply_code_status;
    }
    if (text != NX_NULL) {
        *text = client_ptr->nx_smtp_client_reply_text;
    }
    if (length != NX_NULL) {
        *length = client_ptr->nx_smtp_client_reply_length;
    }
    return NX_SUCCESS;
}

#endif
