// What the services that talk to a server share.
#pragma once

#include "common.hpp"
#include "line.hpp"
#include "mail.hpp"

#include <span>

namespace postrider::netx {

/// Where a call keeps its engine and its recipients: in the control block.
struct room {
    engine* e;
    recipient* recipients; // the one of the call first
    UINT recipients_count; // with it
};

/// What the text services were given: a body, or a call-back for it.
struct text_call {
    CHAR* recipient;
    UINT priority;
    CHAR* subject;
    std::string_view body;
    read_callback read;
    VOID* context;
};

/// Makes `where.e` anew and connects it. On an error there is no connection.
UINT connect(NX_SMTP_CLIENT& c, const room& where, bool use_ehlo);

/// After drive() has returned `w`: remembers what the server said, and takes the connection down when the
/// session is closed.
void finish(NX_SMTP_CLIENT& c, const room& where, want w);

/// Whether a new connection may do better: the server drops the line at EHLO (RFC 5321 3.2 lets us try HELO),
/// or a kept connection had died.
bool may_do_better(const engine& e, bool reused);

/// One try on a session: what it came to, and whether a new connection shall be tried.
struct tried {
    want w;
    UINT status;
    bool again;
    bool use_ehlo = false; // then, also on a connection that was a new one
};

/// Connects unless a session is kept, and tries; at most once more. `attempt(reused)` gives a tried.
template <class Attempt>
UINT on_session(NX_SMTP_CLIENT& c, const room& where, Attempt attempt) {
    bool reused = is_connected(c);
    bool use_ehlo = true;
    clear_reply(c);
    for (;;) {
        const UINT status = reused ? NX_SUCCESS : connect(c, where, use_ehlo);
        if (status != NX_SUCCESS) {
            return status;
        }
        const tried t = attempt(reused);
        finish(c, where, t.w);
        if (!t.again) {
            return t.status;
        }
        use_ehlo = reused || t.use_ehlo;
        reused = false;
    }
}

/// Ends a session that is kept.
void end_kept(NX_SMTP_CLIENT& c, const room& where);

/// Fills in the envelope: the client's sender, the call's recipient and those that were added.
UINT address(NX_SMTP_CLIENT& c, const room& where, CHAR* recipient, transaction& t);

/// Sends; keeps or makes and ends the connection as the client is set up.
UINT send(NX_SMTP_CLIENT& c, const room& where, transaction& t, content_source& content);

UINT send_text(NX_SMTP_CLIENT& c, const room& where, const text_call& call);

room room_of(NX_SMTP_CLIENT& c);

} // namespace postrider::netx
