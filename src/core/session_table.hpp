// The protocol as a table: one row per state. The sender's cursor walks it; the rows say how long a reply may
// take, what a failure there is called, whether another command may be sent before the reply has come (RFC
// 2920 3.1), and which states may follow. The diagram in docs/ is printed from here, and a checked build
// traps on any other step.
#pragma once

#include "postrider/session.hpp"

#include <array>
#include <cstdint>
#include <string_view>

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
    {nullptr, stage::greeting, &timeouts::greeting, false, to(state::ehlo, state::helo, state::quit)},
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
    {"MAIL FROM:<", stage::mail, &timeouts::command, true, to(state::rcpt, state::ready)},
    // rcpt
    {"RCPT TO:<", stage::rcpt, &timeouts::command, true,
     to(state::rcpt, state::data, state::bdat, state::ready)},
    // data
    {"DATA", stage::data, &timeouts::data_start, false, to(state::content, state::ready)},
    // content
    {nullptr, stage::content, &timeouts::data_done, true, to(state::ready)},
    // bdat
    {"BDAT ", stage::content, &timeouts::data_done, true, to(state::bdat, state::ready)},
    // query
    {nullptr, stage::command, &timeouts::command, false, to(state::ready)},
    // quit
    {"QUIT", stage::quit, &timeouts::quit, false, 0},
    // closed
    {nullptr, stage::quit, nullptr, false, 0},
};

inline constexpr std::size_t longest_verb = 12;

// What the engine needs while it runs, in little memory; the rows themselves are not in the image. A verb
// that takes no argument has its CRLF.
struct packed_row {
    char verb[longest_verb];
    std::uint8_t verb_size;
    stage at;
    bool others_may_follow;
};

inline constexpr auto packed = [] {
    std::array<packed_row, states> table{};
    for (unsigned i = 0; i < states; ++i) {
        const row& from = rows[i];
        unsigned size = 0;
        for (; from.verb != nullptr && from.verb[size] != '\0'; ++size) {
            table[i].verb[size] = from.verb[size];
        }
        if (size > 0 && from.verb[size - 1] != ' ' && from.verb[size - 1] != '<') {
            table[i].verb[size++] = '\r';
            table[i].verb[size++] = '\n';
        }
        table[i].verb_size = static_cast<std::uint8_t>(size);
        table[i].at = from.at;
        table[i].others_may_follow = from.others_may_follow;
    }
    return table;
}();

constexpr std::string_view verb(state s) noexcept {
    const packed_row& row = packed[static_cast<unsigned>(s)];
    return {row.verb, row.verb_size};
}
constexpr stage stage_of(state s) noexcept {
    return packed[static_cast<unsigned>(s)].at;
}
constexpr bool others_may_follow(state s) noexcept {
    return packed[static_cast<unsigned>(s)].others_may_follow;
}

constexpr std::uint32_t timeout_of(state s, const timeouts& t) noexcept {
    switch (s) {
    case state::greeting:
        return t.greeting;
    case state::data:
        return t.data_start;
    case state::content:
    case state::bdat:
        return t.data_done;
    case state::quit:
        return t.quit;
    default:
        return t.command;
    }
}

// The function and the table's column say the same.
static_assert([] {
    const timeouts different{1, 2, 3, 4, 5, 6, 7};
    for (unsigned i = 0; i < states; ++i) {
        if (rows[i].timeout != nullptr &&
            different.*rows[i].timeout != timeout_of(static_cast<state>(i), different)) {
            return false;
        }
    }
    return true;
}());

constexpr const row& of(state s) noexcept {
    return rows[static_cast<unsigned>(s)];
}
constexpr bool allows(state from, state next) noexcept {
    return next == state::closed || (of(from).may_lead_to & to(next)) != 0;
}

// How the engine counts through the parameters of MAIL and RCPT.
inline constexpr std::uint8_t mail_parameters = 0;
inline constexpr std::uint8_t rcpt_parameters = 8;
// And what it counts to when nothing of a command is left.
inline constexpr std::uint8_t no_fragment = 8;

} // namespace postrider::session_table
