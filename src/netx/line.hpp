// One connection of a client, and the driver that carries a session over it in NetX packets.
#pragma once

#include "mechanisms.hpp"
#include "options.hpp"
#include "postrider/sasl.hpp"
#include "postrider/session.hpp"

#include <array>

namespace postrider::netx {

/// Gives out a content part by part.
class content_source {
  public:
    /// Lends the next part to the session, or reports why there is none.
    virtual void lend(session& s) = 0;
    /// Back to the first part; false when that cannot be done.
    virtual bool rewind() = 0;

  protected:
    ~content_source() = default;
};

/// All that lives as long as a session: in the control block, or on the stack where sessions are not kept.
struct engine {
    /// Sets up a session by the client's settings.
    engine(NX_SMTP_CLIENT& c, bool use_ehlo);

    std::array<char, NX_SMTP_SERVER_CHALLENGE_MAX_STRING> reply_space;
    plain_mechanism plain;
    login_mechanism login;
    [[no_unique_address]] further_mechanism further;
    std::array<mechanism*, 2> mechanisms;
    session_config config;
    session s;
    recipient first; // the one of the send call, where no memory was lent for more
    instant now = 0; // in ticks; never wraps
    ULONG last_tick;
    UINT status = NX_SUCCESS; // of the NetX call that failed
    bool tls = false;

  private:
    static session_config settings(const NX_SMTP_CLIENT& c, std::span<mechanism* const> mechanisms,
                                   bool use_ehlo);
};

/// Connects, with TLS where that is implicit. On an error everything is undone.
UINT open(NX_SMTP_CLIENT& c, engine& e);

/// Drives the session until it is ready or closed.
want drive(NX_SMTP_CLIENT& c, engine& e, content_source* content);

/// Takes the connection down and the socket back to where it was after its creation. `in_order`: the session
/// has ended with QUIT.
void close(NX_SMTP_CLIENT& c, engine& e, bool in_order);

/// The documented return code for what became of a session or a recipient.
UINT code_of(const engine& e, errc what, stage at);

} // namespace postrider::netx
