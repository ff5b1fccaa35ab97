#include "report.hpp"

#include "advice.hpp"
#include "show.hpp"

#include <fmt/format.h>

namespace postrider::cli {
namespace {

constexpr std::string_view indent = "           ";

void append_line(std::string& out, std::string_view name, std::string_view foreign) {
    out += fmt::format("  {:<8} {}\n", name, printable_lines(foreign, indent));
}

std::string line_of(const connection_info* line) {
    if (line == nullptr || line->peer.empty()) {
        return {};
    }
    std::string out = " (" + line->peer;
    out += line->tls_version.empty()
               ? std::string(", not encrypted")
               : fmt::format(", {}, {}", line->tls_version, line->tls_verified ? "verified" : "not verified");
    return out + ")";
}

std::string reply_text(std::uint16_t code, const std::string& text) {
    return code == 0 ? text : text.empty() ? std::to_string(code) : fmt::format("{} {}", code, text);
}

std::string_view word_for(const recipient_outcome& one) {
    switch (one.outcome) {
    case disposition::delivered:
        return "delivered";
    case disposition::accepted:
        return "would be accepted";
    case disposition::transient:
        return "not delivered, a later try may succeed";
    case disposition::permanent:
        return one.code != 0 ? "refused" : "not delivered";
    case disposition::in_doubt:
        return "IN DOUBT: it may have been delivered";
    default:
        return "not tried";
    }
}

} // namespace

std::string_view mark_of(verdict v) {
    switch (v) {
    case verdict::ok:
        return "ok";
    case verdict::warn:
        return "warn";
    case verdict::fail:
        return "FAIL";
    default:
        return "-";
    }
}

status decisive(const send_result& result) {
    status out = result;
    for (const auto& one : result.recipients) {
        if (out.error == errc::others_refused && one.error != errc::ok) {
            out.error = one.error;
            out.at = one.at;
            out.code = one.code;
            out.enhanced = one.enhanced;
            out.text = one.text;
        }
    }
    return out;
}

std::string problem_text(const status& result, const server_url& where, bool in_doubt,
                         const std::string& message_id) {
    std::string what(message(result.error));
    const auto* line = result.connection.get();
    if (in_doubt) {
        what = "the outcome is in doubt: " + what;
    }
    if (!result.detail.empty()) {
        what += ": " + result.detail;
    } else if (result.error == errc::tls_certificate && line != nullptr && !line->tls_problem.empty()) {
        what += ": " + line->tls_problem;
    }
    std::string out = "postrider: " + printable_lines(what, "  ") + "\n";
    append_line(out, "where:", fmt::format("{}{}, at {}", where.text(), line_of(line), name(result.at)));
    if (result.code != 0) {
        append_line(out, "server:", reply_text(result.code, result.text));
    } else if (line != nullptr && !line->peer.empty()) {
        append_line(out, "server:", "no reply that decided it");
    }
    append_line(out, "next:", in_doubt ? advice_in_doubt() : advice_for(result.error, result.code));
    if (in_doubt && !message_id.empty()) {
        append_line(out, "message:", message_id);
    }
    return out;
}

std::string problem_text(const command_error& error) {
    std::string out = "postrider: " + printable_lines(error.what(), "  ") + "\n";
    if (!error.next().empty()) {
        append_line(out, "next:", error.next());
    }
    return out;
}

std::string recipient_text(const recipient_outcome& one) {
    std::string out = fmt::format("{}: {}", printable(one.address), word_for(one));
    if (one.code != 0) {
        out += ": " + printable_lines(reply_text(one.code, one.text), "    ");
    } else if (one.error != errc::ok) {
        out += fmt::format(": {}", message(one.error));
    }
    return out + "\n";
}

std::string dry_run_text(const prepared_mail& mail, const server_url& where, const content_traits& traits) {
    std::string out =
        fmt::format("server:  {}\nMAIL FROM:<{}>\n", printable(where.text()), printable(mail.mail.from));
    for (const auto& one : mail.mail.recipients) {
        out += fmt::format("RCPT TO:<{}>\n", printable(one.address));
    }
    return out + fmt::format("content: {}{}{}, as for a server with 8BITMIME and SMTPUTF8\n\n",
                             readable_size(traits.canonical_size), traits.has_8bit ? ", 8-bit" : ", 7-bit",
                             traits.header_has_8bit ? ", UTF-8 in the header" : "");
}

std::string connection_text(const connection_info& line) {
    std::string out;
    for (const auto& one : line.attempts) {
        out += fmt::format("* {}: {} ({})\n", printable(one.address),
                           one.error == errc::ok
                               ? std::string("connected")
                               : printable(one.detail.empty() ? std::string(message(one.error)) : one.detail),
                           readable_time(one.duration));
    }
    if (line.peer.empty()) {
        return out;
    }
    if (line.tls_version.empty()) {
        return out + "* the line is not encrypted\n";
    }
    out += fmt::format(
        "* {} with {}, certificate {}\n", printable(line.tls_version), printable(line.tls_cipher),
        line.tls_verified ? std::string("verified") : "NOT verified: " + printable(line.tls_problem));
    if (line.certificate) {
        out += fmt::format("* issued to {} by {}, until {}\n", printable(line.certificate->subject),
                           printable(line.certificate->issuer), date_text(line.certificate->not_after));
    }
    return out;
}

std::string check_text(const check_report& report) {
    std::string out;
    for (const auto& step : report.steps) {
        out += fmt::format("{:<5}{:<10} {}\n", mark_of(step.outcome), step.name,
                           printable_lines(step.text, "                "));
        for (const auto& detail : step.details) {
            out += fmt::format("                {}\n", printable_lines(detail, "                  "));
        }
    }
    if (!report.keywords.empty()) {
        out += "\nWhat the server offers:\n";
    }
    for (const auto& one : report.keywords) {
        out += fmt::format("  {:<28} {}\n", printable(one.line), printable(one.meaning));
    }
    return out;
}

} // namespace postrider::cli
