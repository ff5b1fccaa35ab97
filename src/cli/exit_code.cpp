#include "exit_code.hpp"

#include "error.hpp"

#include <algorithm>

namespace postrider::cli {
namespace {

// `otherwise` is what a refusal means when no reply came with it.
int of_failure(errc error, std::uint16_t code, disposition otherwise) {
    switch (error) {
    case errc::ok:
        return exit_code::delivered;
    case errc::bad_address:
    case errc::address_too_long:
    case errc::bad_argument:
    case errc::no_recipients:
    case errc::content_has_nul:
    case errc::content_unreadable:
    case errc::bad_message:
    case errc::message_too_large:
    case errc::needs_8bitmime:
    case errc::needs_binarymime:
    case errc::needs_smtputf8:
        return exit_code::data;
    case errc::bad_configuration:
        return exit_code::configuration;
    case errc::host_not_found:
        return exit_code::no_host;
    case errc::starttls_unavailable:
    case errc::starttls_refused:
    case errc::starttls_injection:
    case errc::tls_handshake:
    case errc::tls_certificate:
    case errc::malformed_reply:
    case errc::mixed_codes:
    case errc::reply_line_too_long:
    case errc::reply_too_long:
    case errc::unexpected_reply:
    case errc::unsolicited_reply:
        return exit_code::protocol;
    case errc::auth_unavailable:
    case errc::auth_needs_tls:
    case errc::auth_refused:
    case errc::auth_challenge:
        return exit_code::authentication;
    default: // tls_truncated among them: a line that was cut is as temporary within TLS as without
        break;
    }
    if (code / 100 == 4 || code / 100 == 5) {
        return code / 100 == 4 ? exit_code::temporary : exit_code::refused;
    }
    return otherwise == disposition::permanent ? exit_code::refused : exit_code::temporary;
}

} // namespace

int exit_code_of(const send_result& result) {
    if (result.recipients.empty()) {
        return exit_code_of(static_cast<const status&>(result));
    }
    if (result.all_delivered()) {
        return exit_code::delivered;
    }
    if (result.any(disposition::in_doubt)) {
        return exit_code::in_doubt;
    }
    if (result.any(disposition::delivered)) {
        return exit_code::partly;
    }
    int common = 0;
    for (const auto& one : result.recipients) {
        // Those given up because of others say nothing of their own.
        const int code = one.error == errc::others_refused ? 0 : of_failure(one.error, one.code, one.outcome);
        if (common == 0 || code == exit_code::temporary) {
            common = code;
        }
    }
    return common != 0 ? common : exit_code::refused;
}

int exit_code_of(const status& result) {
    return of_failure(result.error, result.code, disposition_of(result.error));
}

const char* verdict_of(const send_result& result) {
    if (result.any(disposition::in_doubt)) {
        return "in_doubt";
    }
    if (result.any(disposition::delivered)) {
        return result.all_delivered() ? "delivered" : "partial";
    }
    return result.any(disposition::transient) ? "transient" : "permanent";
}

} // namespace postrider::cli
