// The protocol as a table: one row per state. The sender's cursor walks it; the rows say how long a reply may
// take, what a failure there is called, whether another command may be sent before the reply has come (RFC
// 2920 3.1), and which states may follow. The diagram in docs/ is printed from here, and a checked build
// traps on any other step.
#pragma once

#include "postrider/session.hpp"

#include <cstdint>

namespace postrider::session_table {

using state = session::state;

struct row {
    const char* verb; // null when the state sends no fixed verb
    stage at;
    std::uint32_t timeouts::*timeout;
    bool others_may_follow;
    std::uint32_t may_lead_to;
};

template <class... States>
constexpr std::uint32_t to(States... s) noexcept {
    return ((1U << static_cast<unsigned>(s)) | ... | 0U);
}

inline constexpr unsigned states = static_cast<unsigned>(state::closed) + 1;

inline constexpr row rows[states] = {
    // greeting
    {nullptr, stage::greeting, &timeouts::greeting, false, to(state::ehlo, state::quit)},
    // ehlo
    {"EHLO ", stage::ehlo, &timeouts::command, false,
     to(state::helo, state::starttls, state::auth, state::ready, state::quit)},
    // helo
    {"HELO ", stage::ehlo, &timeouts::command, false, to(state::ready, state::auth, state::quit)},
    // starttls
    {"STARTTLS", stage::starttls, &timeouts::command, false,
     to(state::tls, state::auth, state::ready, state::quit)},
    // tls
    {nullptr, stage::starttls, &timeouts::command, false, to(state::ehlo)},
    // auth
    {"AUTH ", stage::auth, &timeouts::command, false,
     to(state::auth_response, state::auth_cancel, state::ready, state::quit)},
    // auth_response
    {nullptr, stage::auth, &timeouts::command, false,
     to(state::auth_response, state::auth_cancel, state::ready, state::quit)},
    // auth_cancel
    {"*", stage::auth, &timeouts::command, false, to(state::quit)},
    // ready
    {nullptr, stage::command, nullptr, true, to(state::rset, state::mail, state::query, state::quit)},
    // rset
    {"RSET", stage::mail, &timeouts::command, true, to(state::mail)},
    // mail
    {nullptr, stage::mail, &timeouts::command, true, to(state::rcpt, state::ready)},
    // rcpt
    {nullptr, stage::rcpt, &timeouts::command, true, to(state::rcpt, state::data, state::bdat, state::ready)},
    // data
    {"DATA", stage::data, &timeouts::data_start, false, to(state::content, state::ready)},
    // content
    {nullptr, stage::content, &timeouts::data_done, true, to(state::ready)},
    // bdat
    {nullptr, stage::content, &timeouts::data_done, true, to(state::bdat, state::ready)},
    // query
    {nullptr, stage::command, &timeouts::command, false, to(state::ready)},
    // quit
    {"QUIT", stage::quit, &timeouts::quit, false, 0},
    // closed
    {nullptr, stage::quit, nullptr, false, 0},
};

constexpr const row& of(state s) noexcept {
    return rows[static_cast<unsigned>(s)];
}
constexpr bool allows(state from, state next) noexcept {
    return next == state::closed || (of(from).may_lead_to & to(next)) != 0;
}
} // namespace postrider::session_table
